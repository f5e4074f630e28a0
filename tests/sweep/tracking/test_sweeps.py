"""Sweeps are opened, found and deleted by their names in a real MLflow store."""

import pytest

from analysis.record.names import digests_in
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
