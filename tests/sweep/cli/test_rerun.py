"""Recipes of a finished sweep run again with other seeds; the trials do not train."""

import json

import pandas as pd
import pytest

from analysis.record import reader
from sweep import workspace
from sweep.cli import live_display
from sweep.cli.rerun import new_seeds
from sweep.driver.run_sweep import resume, run
from sweep.tracking import sweeps
from sweep.tracking.control_requests import Rerun, reruns_in
from tests.sweep.conftest import pretending, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def read(spec):
    return reader.read_sweep(spec.name, tracking_uri=workspace.local_tracking_uri())


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_requested_seeds_are_run_recorded_and_pooled_and_the_curve_agrees_with_the_front(spec_of):
    """Trials, tags, curve and front of a sweep with replicates, read back from a real store."""
    spec, document = spec_of(4, **{"budget:": "replicates: {seeds: 2}\nbudget:"})
    run(spec, document, run_trial=pretending(), on_start=live_display.callbacks)
    sweep = read(spec)
    assert sweep.candidates()["trials"].tolist() == [(0, 1), (2, 3)]
    assert sweep.trials["seed"].tolist() == [0, 1, 0, 1]
    record = sweeps.find_sweep(sweep.tracking_uri, spec.name)
    requested = new_seeds(sweep, [2], 2, reruns_in(record.tags()))
    assert requested == [Rerun(2, 2), Rerun(2, 3)]
    resume(
        spec, document, run_trial=pretending(), on_start=live_display.callbacks,
        reruns=frozenset(requested),
    )  # fmt: skip
    sweep = read(spec)
    assert (sweep.state, len(sweep.trials)) == ("finished", 6)
    assert sweep.candidates()["trials"].tolist() == [(0, 1), (2, 3, 4, 5)]
    tags = {int(r.data.tags["sweep.trial"]): r.data.tags for r in record.trial_runs()}
    assert [tags[n].get("sweep.replicate_of") for n in range(6)] == [None, "0", None, "2", "2", "2"]
    assert {n for n, tag in tags.items() if tag["on_front"] == "true"} == {*sweep.trials_on_front()}
    metrics = record._client.get_run(record.run_id).data.metrics
    assert metrics["front/size"] == sweep.front_size
    assert metrics["front/hypervolume"] == pytest.approx(sweep.hypervolume())
    again = new_seeds(sweep, [2], 1, reruns_in(record.tags()))
    assert again == [Rerun(2, 4)], "each seed once"


@pytest.mark.long
@pytest.mark.usefixtures("cluster")
def test_a_sweep_that_is_refused_announces_nothing_and_keeps_no_request(spec_of):
    spec, document = spec_of(1)
    run(spec, document, run_trial=pretending(), on_start=live_display.callbacks)
    kept = workspace.spec(spec.name).read_text()
    for changed, sentence in (
        (kept.replace("steps: 2", "steps: 3"), "train.steps must stay"),
        (None, "no sweep named 'tiny' was run here"),
    ):
        workspace.spec(spec.name).unlink()
        if changed:
            workspace.spec(spec.name).write_text(changed)
        refused = verb("rerun", spec.name, "0")
        assert (refused.exit_code, refused.stdout) == (2, "")
        assert sentence in refused.stderr
        record = sweeps.find_sweep(workspace.local_tracking_uri(), spec.name)
        assert reruns_in(record.tags()) == frozenset()


@pytest.mark.parametrize("number", ["0_1", "1.0", "x", "-1", "\uff11", "1" * 5000])
def test_the_number_of_a_trial_is_digits_alone(number, finished):
    """A slip such as 1_2 for 1 2 would run trial 12."""
    home = str(finished / "sweeps")
    for words in (("rerun", "tiny", "--", number), ("retry", "tiny", "--trial", number)):
        refused = verb(*words, SWEEP_HOME=home)
        assert refused.exit_code == 2
        assert f"must be a whole number, but got {number!r}"[:900] in refused.stderr


@pytest.mark.long
def test_a_sweep_runs_members_of_its_front_again_from_the_command_line(tiny, tmp_path, sweep_home):
    """Real trials: both verbs, and what the front says then."""
    tiny.write_text(tiny.read_text().replace("trials: 4", "trials: 1"))
    assert verb("run", tiny).exit_code == 0
    refused = verb("rerun", "tiny", "7")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "TRIAL must be a complete trial of tiny, but got 7: complete are 0." in refused.stderr
    refused = verb("rerun", "tiny")
    assert refused.exit_code == 2
    assert "TRIAL or --front must say which trials run again, but none was named." in refused.stderr
    ended = verb("rerun", "tiny", "0", "--seeds", "2")
    assert ended.exit_code == 0, ended.stderr
    assert "trial 0 is to run again with seeds 1, 2." in ended.stdout
    members = json.loads(verb("front", "tiny", "--all", "--format", "json").stdout)
    assert [member["trials"] for member in members] == [[], [0, 1, 2]]
    assert members[1]["params"].get("seed") is None
    compared = json.loads(
        verb("compare", "tiny", "base", "0", "--recipes", "--format", "json").stdout
    )
    assert {(row["seeds_one"], row["seeds_other"]) for row in compared} == {(0, 3)}
    shown = verb("compare", "tiny", "0", "2").stdout
    assert "weights of 2 against those of 0" in shown
    assert "seeds of one recipe" in shown


def test_seeds_go_on_after_the_largest_of_a_recipe_wherever_it_stands():
    class Sweep:
        trials = pd.DataFrame(
            {"trial": [0, 1, 2, 3], "recipe": ["a", "b", "a", ""], "seed": [5, 0, 9, float("nan")]}
        )

    requested = [Rerun(0, 10), Rerun(1, 3)]
    assert new_seeds(Sweep, [2, 1], 2, requested) == [
        *(Rerun(2, 11), Rerun(2, 12), Rerun(1, 4), Rerun(1, 5)),
    ]
