"""What a sweep has declared is read; what is no declaration is refused in a sentence, and hides nothing."""

import json
import math
import shutil
from pathlib import Path

import pytest

from analysis.record.declarations import MAX_METRICS, parse, read_declarations
from analysis.record.mlflow_client import OtherContent, Store, sweep_run
from analysis.record.reader import list_sweeps, read_sweep
from tests.analysis.conftest import GAP, METRICS, RISE

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store

DEEP = 100_000
NAME = "bias/a/gap"


def tree(metric=None, **other):
    """A tree of one metric, which is the goal, with other values of some keys."""
    own = {"name": NAME, "unit": "", "better": "lower", "ideal": 0, "worst": 1, "about": ""}
    keys = {"metrics": [own | (metric or {})], "goals": [NAME], "constraints": {}, "searched": []}
    return keys | {"num_trials": 2} | other


def text(metric=None, **other):
    """The same as JSON."""
    return json.dumps(tree(metric, **other))


FOREIGN = {
    "a page": "<html>sign in</html>", "nothing": "", "null": "null", "empty": "{}",
    "an error": '{"error": "log in"}', "a list": "[1]", "a word": '"metrics"', "a number": "7",
    "lists in lists": "[" * DEEP, "objects in objects": '{"a":' * DEEP + "1" + "}" * DEEP,
    "a deep value": text().replace('"about": ""', f'"about": {"[" * DEEP}{"]" * DEEP}'),
    "thousands of digits": text().replace('"worst": 1', '"worst": ' + "9" * 5000),
    "more than a float": text({"worst": 10**400}), "infinite": text({"worst": math.inf}),
    "none at all": text({"worst": math.nan}), "an infinite bound": text({"highest": math.inf}),
    "metrics": text(metrics={"a": 1}), "a metric": text(metrics=[1]), "name": text({"name": [1]}),
    "no name of a metric": text({"name": "gap"}), "unit": text({"unit": 1}), "about": text({"about": [[1]]}),
    "source": text({"source": {}}), "ideal": text({"ideal": "0", "worst": "1"}),
    "better": text({"better": "best"}), "key": text({"more": 1}), "bounds": text({"lowest": "0"}),
    "goals": text(goals=["other"]), "a goal": text(goals=NAME), "no goal": text(goals=[]),
    "a goal twice": text(goals=[NAME, NAME]), "a goal of lists": text(goals=[[NAME]]),
    "constraints": text(constraints=[]), "bound": text(constraints={NAME: {"max": "x"}}),
    "a bound that is no number": text(constraints={NAME: {"max": math.nan}}),
    "a bound of another metric": text(constraints={"bias/b/gap": {"max": 1}}),
    "a bound of another kind": text(constraints={NAME: {"most": 1}}),
    "searched": text(searched="train.lr"), "number": text(num_trials="two"),
    "a number below zero": text(num_trials=-1), "a large number": text(num_trials=10**400),
    "evaluators": text(evaluators=["kl"]), "evaluator": text(evaluators=[{"name": 1}]),
}  # fmt: skip


@pytest.fixture
def written(store, tmp_path):
    """A function that puts a text in place of the declarations of the sweep `hand`, in a copy.

    It returns the address of the copy.
    """
    from mlflow import MlflowClient

    file = Path(shutil.copy(store.removeprefix("sqlite:///"), tmp_path))
    uri = f"sqlite:///{file}"
    run_id = sweep_run(Store(uri), "hand").info.run_id
    client = MlflowClient(uri)

    def written(content: bytes) -> str:
        (tmp_path / "declarations.json").write_bytes(content)
        client.log_artifact(run_id, str(tmp_path / "declarations.json"))
        return uri

    # The artifacts of all copies lie in one folder.
    folder = Store(uri).folder_of(run_id)
    before = (folder / "declarations.json").read_bytes()
    yield written
    (folder / "declarations.json").write_bytes(before)


def test_what_was_declared_is_read(store):
    declared = read_declarations(Store(store), sweep_run(Store(store), "hand"))
    assert [*declared.metrics.values()] == METRICS
    assert declared.goals == [GAP.name, RISE.name]
    assert declared.constraints == {RISE.name: {"max": 0.3}}
    assert (declared.num_trials, declared.evaluators) == (None, None), "as early releases had it"


@pytest.mark.parametrize("limit", [math.inf, 0, -0.5])
def test_a_bound_may_be_any_number_as_in_a_spec(limit):
    assert parse(tree(constraints={NAME: {"max": limit}})).constraints == {NAME: {"max": limit}}


def test_foreign_declarations_are_one_sentence_and_hide_no_other_sweep(written):
    for which, content in {**FOREIGN, "bytes": b"\xff\xfe"}.items():
        uri = written(content if isinstance(content, bytes) else content.encode())
        with pytest.raises(OtherContent, match=r"^declarations\.json of sweep hand must be what"):
            pytest.fail(f"{which}: {read_sweep('hand', tracking_uri=uri)}")
        listed = list_sweeps(tracking_uri=uri).set_index("name")["goals"].to_dict()
        assert listed["hand"] == [], which
        assert listed["begun"] == [GAP.name, RISE.name], "it is not hidden"


def test_files_that_were_moved_are_said_with_the_place_they_must_be_in(written):
    uri = written(text().encode())
    store = Store(uri)
    folder = store.folder_of(sweep_run(store, "hand").info.run_id)
    moved = folder.rename(folder.with_name("moved"))
    try:
        with pytest.raises(
            ValueError, match="its files were moved: try again, or put them"
        ) as error:
            read_sweep("hand", tracking_uri=uri)
    finally:
        moved.rename(folder)
    assert f"no declarations.json in {folder}: " in str(error.value)


def test_more_metrics_than_a_table_has_columns_for_are_refused():
    own = tree()["metrics"][0]
    many = [own | {"name": f"bias/a/{number}"} for number in range(MAX_METRICS)]
    with pytest.raises(ValueError, match="no declarations of a sweep"):
        parse(tree(metrics=[own, *many]))
    assert len(parse(tree(metrics=[own, *many[1:]])).metrics) == MAX_METRICS
