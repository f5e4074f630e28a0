"""Files that are not on the machine where a plan is made."""

from sweep.planning.absence import absence
from sweep.planning.plan import make_plan
from tests.sweep.planning.conftest import LAPTOP


def test_files_that_are_not_on_this_machine_are_named_a_few_of_them(spec_with, tmp_path):
    here = tmp_path / "here.csv"
    here.touch()
    files = f"{{choice: [{here}, a.csv, ~nosuchuser/b.jsonl, c.csv, d.txt]}}"
    changed = spec_with(("{data: miniature, size: 50}", f"{{data: {files}}}"))
    (sentence,) = absence(changed.trials())
    assert sentence == (
        "not on this machine: a.csv, ~nosuchuser/b.jsonl, c.csv and 1 other; run `sweep check` where "
        "the sweep runs."
    )
    assert sentence.split(":")[0] in " ".join(make_plan(changed, machine=LAPTOP).notes)
    assert absence(spec_with().trials()) == []


def test_a_model_that_is_not_on_this_machine_is_named_though_its_size_is_not_known(spec_with):
    plan = make_plan(spec_with(("miniature-llama", "/gone/model")), machine=LAPTOP)
    assert "not on this machine: /gone/model; run `sweep check`" in " ".join(plan.notes)
