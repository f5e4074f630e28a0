"""Sweeps are opened, found and deleted by their names in a real MLflow store."""

import pytest

from analysis.record.names import digests_in
from analysis.record.reader import read_sweep
from sweep.tracking import sweeps

pytestmark = pytest.mark.timeout(120)


def test_a_name_is_taken_once(tracking_uri, spec, record):
    with pytest.raises(sweeps.SweepExists, match=f"sweep resume {spec.name}"):
        sweeps.open_sweep(tracking_uri, spec, "", {})


def test_an_opened_sweep_is_found_by_its_name(tracking_uri, spec, record):
    found = sweeps.find_sweep(tracking_uri, spec.name)
    assert (found.run_id, found.experiment_id) == (record.run_id, record.experiment_id)
    assert digests_in(found.tags()) == {"alignment.x": "ab"}
    assert sweeps.find_sweep(tracking_uri, "no such sweep") is None


def test_a_deleted_sweep_leaves_its_name_free(tracking_uri, spec, record):
    record.run_id_of(0)
    sweeps.delete_sweep(tracking_uri, spec.name)
    assert sweeps.find_sweep(tracking_uri, spec.name) is None
    fresh = sweeps.open_sweep(tracking_uri, spec, "", {})
    assert fresh.trial_runs() == []


def test_a_sweep_deleted_in_mlflows_interface_can_be_run_anew(tracking_uri, spec, record):
    record._client.delete_experiment(record.experiment_id)
    assert sweeps.find_sweep(tracking_uri, spec.name) is None
    sweeps.delete_sweep(tracking_uri, spec.name)
    record._client.restore_experiment(record.experiment_id)
    sweeps.delete_sweep(tracking_uri, spec.name)
    record._client.delete_experiment(record.experiment_id)
    assert sweeps.open_sweep(tracking_uri, spec, "", {}).trial_runs() == []


def test_runs_that_were_deleted_with_their_experiment_do_not_come_back_with_it(
    tracking_uri, spec, record
):
    record.run_id_of(0)
    record._client.delete_experiment(record.experiment_id)
    fresh = sweeps.open_sweep(tracking_uri, spec, "", {})
    runs = record._client.search_runs([fresh.experiment_id])
    assert [run.info.run_id for run in runs] == [fresh.run_id]


def test_a_sweep_is_found_whose_experiment_was_renamed_in_mlflows_interface(
    tracking_uri, spec, record
):
    record._client.rename_experiment(record.experiment_id, "old results")
    other = record._client.create_experiment(spec.name)  # another takes the name
    assert sweeps.find_sweep(tracking_uri, spec.name).run_id == record.run_id
    assert read_sweep(spec.name, tracking_uri=tracking_uri).name == spec.name
    with pytest.raises(sweeps.SweepExists):
        sweeps.open_sweep(tracking_uri, spec, "", {})
    sweeps.delete_sweep(tracking_uri, spec.name)
    assert sweeps.find_sweep(tracking_uri, spec.name) is None
    assert sweeps.open_sweep(tracking_uri, spec, "", {}).experiment_id == other


def test_a_sweep_that_was_just_deleted_is_a_sentence(tracking_uri, spec, record):
    assert sweeps.recorded_sweep(tracking_uri, spec.name).run_id == record.run_id
    record._client.delete_experiment(record.experiment_id)
    with pytest.raises(ValueError, match="must be in the record, but was just deleted there"):
        sweeps.recorded_sweep(tracking_uri, spec.name)
