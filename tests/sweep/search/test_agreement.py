"""A search and a record that disagree about a trial, with Optuna's studies and MLflow's entities."""

import optuna
import pytest
from mlflow.entities import Metric, Param, Run, RunData, RunInfo, RunTag
from optuna.trial import TrialState

from sweep.config.check import load
from sweep.search.agreement import first_difference
from sweep.search.study import open_study
from tests.sweep.search.test_searcher import GAP, RISE, result, searcher
from trainables.config import TrialConfig


@pytest.fixture
def spec(tiny):
    return load(tiny)[0]


@pytest.fixture
def study_and_runs(spec, tmp_path):
    """A study of two complete trials and a failed one, and their runs as they are recorded."""
    search, study, _ = searcher(spec, tmp_path / "search.journal")
    runs = []
    for number in range(3):
        config = search.suggest(str(number))
        search.on_trial_complete(str(number), result(1.5, 2.5 + number), error=number == 2)
        settings = TrialConfig.model_validate(config["trial"]).flat()
        state = "failed" if number == 2 else "complete"
        metrics = {GAP: 1.5, RISE: 2.5 + number}
        runs.append(run(number, state, metrics, {k: str(v) for k, v in settings.items()}))
    return study, runs


def run(number, state, metrics, params):
    """A trial's run, as MLflow returns it."""
    tags = {"sweep.trial": str(number)} | ({"sweep.state": state} if state else {})
    data = RunData(
        [Metric(name, value, 0, 2) for name, value in metrics.items()],
        [Param(name, value) for name, value in params.items()],
        [RunTag(name, value) for name, value in tags.items()],
    )
    return Run(RunInfo("0", "0", "me", "FINISHED", 0, 0, "active"), data)


def changed(one, state=None, metrics=None, params=None):
    """A run with another state, other metrics or other parameters."""
    data = one.data
    return run(
        data.tags["sweep.trial"],
        data.tags["sweep.state"] if state is None else state,
        data.metrics | (metrics or {}),
        data.params | (params or {}),
    )


def test_a_search_agrees_with_its_own_record(study_and_runs, spec):
    study, runs = study_and_runs
    assert first_difference(study, spec, runs) is None


@pytest.mark.parametrize(
    ("change", "clause"),
    [
        ({"metrics": {RISE: 0.5}}, f"has a cost of 3.5 in {RISE}, and 0.5 by the record"),
        ({"params": {"train.lr": "0.25"}}, "for train.lr, and 0.25 in the record"),
        ({"params": {"objective.name": "dpo"}}, "for objective.name, and dpo in the record"),
        ({"state": "failed"}, "is complete, and failed in the record"),
        ({"state": "pruned"}, "is complete, and pruned in the record"),
    ],
    ids=str,
)
def test_what_differs_is_told_with_the_trial(study_and_runs, spec, change, clause):
    study, runs = study_and_runs
    number, told = first_difference(study, spec, [runs[0], changed(runs[1], **change), runs[2]])
    assert number == 1
    assert told.endswith(clause)


@pytest.mark.parametrize(
    "change",
    [
        {"metrics": {RISE: 3.5 * (1 + 1e-6)}},
        {"params": {"train.dtype": "an older default"}},
        {"state": ""},
    ],
    ids=["rounding", "what is not searched", "no end yet"],
)
def test_rounding_and_what_only_one_of_them_knows_is_no_difference(study_and_runs, spec, change):
    study, runs = study_and_runs
    assert first_difference(study, spec, [changed(runs[1], **change)]) is None
    assert first_difference(study, spec, []) is None


def test_parameters_that_make_no_trial_are_told(study_and_runs, spec):
    study, runs = study_and_runs
    other = optuna.create_study(directions=study.directions)
    other.add_trial(
        optuna.trial.create_trial(state=TrialState.COMPLETE, values=study.trials[0].values)
    )
    assert first_difference(other, spec, runs) == (
        0, "has parameters that make no trial of the sweep"
    )  # fmt: skip


def test_a_study_of_a_spec_with_one_goal_more_is_told(study_and_runs, spec, tmp_path):
    study, runs = study_and_runs
    assert len(open_study(tmp_path / "search.journal", spec).trials) == 3
    fewer = spec.model_copy(update={"goals": spec.goals[:1]})
    assert first_difference(study, fewer, runs) == (0, "has 2 costs, and the sweep 1 goal")
