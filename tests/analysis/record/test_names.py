"""Names of the record: stable for old sweeps, and spelt in one file."""

import ast
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mlflow.entities import Run, RunData, RunInfo, RunTag
from mlflow.utils.validation import _validate_tag_name

from analysis.record import names
from analysis.record.names import (
    ENDED_STATES,
    LIVE_STATES,
    Artifact,
    EndState,
    Group,
    Role,
    Series,
    SweepState,
    Tag,
    TrialState,
    is_asked_for,
)
from analysis.record.reader import read_state
from analysis.record.table import sweep_state

ROOT = Path(names.__file__).parents[2]
# The name of the spec in the sweep's own folder too (sweep/workspace.py), which is no part of the record.
ALSO_LOCAL = {Artifact.SPEC}
# Names without . or / that occur as nothing else; `reason`, say, is also another word.
PLAIN = {Tag.ON_FRONT, Tag.FINGERPRINT}


def values(names: type) -> dict[str, str]:
    return {key: value for key, value in vars(names).items() if key.isupper()}


def test_the_names_are_those_of_sweeps_that_were_recorded_long_ago():
    assert set(values(Tag).values()) == {
        *("sweep", "sweep.role", "sweep.name", "sweep.state", "sweep.trial", "reason"),
        *("sweep.alive", "sweep.asked", "sweep.cancel_trials", "sweep.retry_trials"),
        *(
            "sweep.rerun_trials",
            "sweep.cancel.",
            "sweep.retry.",
            "sweep.rerun.",
            "sweep.hears_from",
            "evaluator.",
            "sweep.replicate_of",
            "sweep.in_halves",
            "sweep.retry_of",
            "sweep.space_version",
            "sweep.deepspeed",
            "version.",
            "digest.",
            "model.start",
        ),
        *("objective", "regulariser", "replay", "seed", "on_front", "fingerprint"),
        *("mlflow.parentRunId", "mlflow.source.git.commit"),
    }
    assert set(values(Artifact).values()) == {
        *("declarations.json", "sweep.yaml", "versions", "code.diff", "front", "front.html"),
        *("trial.yaml", "items.parquet", "model"),
    }
    assert set(values(Series).values()) == {"progress", "front/size", "front/hypervolume"}
    assert values(Group) == {"FRONT": "front/", "SYSTEM": "system/", "TRAIN": "train/"}
    assert values(Role) == {"SWEEP": "sweep", "TRIAL": "trial"}
    assert set(values(TrialState).values()) == {
        *("complete", "pruned", "failed", "lost", "running", "killed"),
    }
    assert set(values(SweepState).values()) == {
        *("running", "paused", "stopping", "cancelling"),
        *("finished", "failed", "stopped", "cancelled", "interrupted"),
    }


@pytest.mark.parametrize("names", [Tag, Artifact, Series, Group, Role, SweepState, TrialState])
def test_no_two_things_have_one_name(names):
    spellings = list(values(names).values())
    assert len(set(spellings)) == len(spellings)


def test_the_series_of_a_front_begin_with_its_group():
    assert Series.FRONT_SIZE.startswith(Group.FRONT)
    assert Series.HYPERVOLUME.startswith(Group.FRONT)


def test_a_sweep_that_runs_is_in_a_live_state(store):
    assert read_state("begun", tracking_uri=store) in LIVE_STATES
    assert read_state("hand", tracking_uri=store) not in LIVE_STATES


def test_a_number_of_more_digits_than_python_reads_is_none():
    many = "1" * 5000
    trial = {Tag.ROLE: Role.TRIAL}
    assert is_asked_for(trial | {Tag.TRIAL: "7"}, trial)
    assert not is_asked_for(trial | {Tag.TRIAL: many}, trial)
    info = RunInfo(
        "run", "1", "me", "RUNNING", start_time=0, end_time=None, lifecycle_stage="active"
    )
    run = Run(info, RunData(tags=[RunTag(Tag.ALIVE, many)]))
    assert sweep_state(run) == SweepState.INTERRUPTED


def test_a_trial_ends_in_a_state_that_outcomes_may_have():
    assert get_args(EndState) == ENDED_STATES


NAMES = {
    name
    for names in (Tag, Artifact, Series, Group)
    for name in values(names).values()
    if set(name) & set("./") or name in PLAIN
} - ALSO_LOCAL


def spelt_in(source: str) -> list[str]:
    """Return the names of the record that are in the strings of a Python source, docstrings apart."""
    tree = ast.parse(source)
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
    ]
    return [
        text
        for text in texts
        if text.rpartition("/")[2] in NAMES
        or any(f"`{name}`" in text for name in NAMES & set(values(Tag).values()))
        or text.startswith(tuple(name for name in NAMES if name.endswith((".", "/"))))
    ]


@pytest.mark.parametrize("package", ["sweep", "analysis"])
def test_no_other_file_spells_a_name_of_the_record(package):
    paths = sorted((ROOT / package).rglob("*.py"))
    assert paths
    for path in paths:
        if path != Path(names.__file__):
            assert spelt_in(path.read_text(encoding="utf-8")) == [], path


def test_a_name_is_found_wherever_it_is_spelt():
    assert spelt_in('tags["sweep.state"]') == ["sweep.state"]
    assert spelt_in("x = \"tags.`sweep.role` = 'trial'\"") == ["tags.`sweep.role` = 'trial'"]
    assert spelt_in('x = f"digest.{name}"') == ["digest."]
    assert spelt_in('x = f"system/{name}"') == ["system/"]
    assert spelt_in('x = f"{folder}/items.parquet"') == ["/items.parquet"]
    assert spelt_in('def f():\n    """Of `sweep.state`."""') == []
    assert spelt_in('print("run it as a new sweep.")') == []


@given(st.dictionaries(st.text(min_size=1, max_size=20), st.just("ab"), max_size=3))
@example({"replay./data/a//b": "ab", "model.../m": "ab", "replay.texts(1).txt": "ab"})
def test_digests_are_read_back_from_tags_that_mlflow_takes(digests):
    tags = names.digest_tags(digests)
    assert names.digests_in(tags) == digests
    for tag in tags:
        _validate_tag_name(tag)
