"""The record of a sweep in a real MLflow store: its own run, and one run for each trial."""

import json
from pathlib import Path

import pytest

from sweep.config.declarations import search_params
from sweep.tracking import sweeps
from sweep.tracking.entries.kinds import Reported

pytestmark = pytest.mark.timeout(120)


def test_the_parent_declares_goals_and_metrics(record, spec):
    path = Path(record._client.download_artifacts(record.run_id, "declarations.json"))
    declared = json.loads(path.read_text())
    assert declared["goals"] == spec.goals
    assert {metric["name"] for metric in declared["metrics"]} == set(spec.metrics())


def test_the_parent_has_the_settings_of_the_search_as_parameters(record, spec):
    params = record._client.get_run(record.run_id).data.params
    assert params == search_params(spec)
    assert params["search.sampler"] == "random"


def test_a_run_is_found_before_it_is_created(record, spec):
    first = record.run_id_of(3)
    assert record.run_id_of(3) == first
    another = sweeps.find_sweep(record.tracking_uri, spec.name)
    assert another.run_id_of(3) == first
    assert len(record.trial_runs()) == 1
    assert record.run_id_of(None) == record.run_id


def test_within_a_block_of_reading_once_the_runs_are_read_once_and_anew_behind_it(record):
    record.run_id_of(0)
    with record.reading_once():
        before = record.trial_runs()
        record.run_id_of(1)
        assert record.trial_runs() is before
    assert len(record.trial_runs()) == 2
    with pytest.raises(ValueError, match="none"), record.reading_once():
        raise ValueError("none")
    assert record.trial_runs() is not record.trial_runs()


def test_the_last_steps_are_those_of_trials_that_have_not_ended(record):
    for trial in (0, 1):
        reports = [Reported(trial=trial, at=0, step=s, metrics={"progress": s / 9}) for s in (0, 4)]
        record.log_batch(record.run_id_of(trial), reports, {}, {})
    record.log_batch(record.run_id_of(1), [], {}, {"sweep.state": "complete"})
    record.run_id_of(2)
    assert record.last_steps() == {0: 4}


def test_trials_whose_results_are_lost_are_told_by_their_state(record):
    for trial, state in enumerate(("complete", "lost", "failed", "lost")):
        record.log_batch(record.run_id_of(trial), [], {}, {"sweep.state": state})
    record.run_id_of(4)
    assert record.lost_trials() == [1, 3]


def test_data_sets_are_inputs_with_their_digests_however_often_they_are_logged(record):
    run_id = record.run_id_of(3)
    digests = {"model.m": "00", "alignment.x": "ab" * 32, "evaluator.x": "cd" * 32}
    for _ in range(2):
        record.log_inputs(run_id, digests)
    inputs = record._client.get_run(run_id).inputs.dataset_inputs
    rows = {(i.dataset.name, i.dataset.digest, i.tags[0].value) for i in inputs}
    assert rows == {
        ("alignment.x", "ab" * 8, "training"),
        ("evaluator.x", "cd" * 8, "evaluation"),
    }
    assert len(inputs) == 2
