"""Entries that a sweep could not deliver are delivered later, also to another store."""

import pandas as pd
import pytest

from sweep import workspace
from sweep.cli import live_display
from sweep.driver.run_sweep import run
from sweep.driver.running_sweep import CannotRun
from sweep.driver.sync import sync
from tests.sweep.conftest import pretending

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def test_the_record_of_a_lost_store_is_delivered_to_another(spec_of, tmp_path):
    from analysis.record.reader import read_sweep
    from sweep.tracking.sweeps import delete_sweep, find_sweep

    spec, document = spec_of(5)
    record = run(spec, document, run_trial=pretending((0, 1)))
    before = read_sweep(spec.name, tracking_uri=record.tracking_uri)
    sync(spec.name)  # nothing to do
    delete_sweep(record.tracking_uri, spec.name)
    with pytest.raises(CannotRun, match="name the store that everything is to be delivered"):
        sync(spec.name)
    uri = f"sqlite:///{tmp_path / 'other.db'}"
    _, refused, has_ended = sync(
        spec.name, tracking_uri=uri, on_delivered=live_display.draw_last_front
    )
    assert (refused, has_ended) == (0, True)
    record = find_sweep(uri, spec.name)
    on_front = {
        int(run.data.tags["sweep.trial"])
        for run in record.trial_runs()
        if run.data.tags["on_front"] == "true"
    }
    assert on_front == set(before.front()["trial"])
    note = record._client.get_run(record.run_id).data.tags["mlflow.note.content"]
    assert f"{len(on_front)} of " in note
    drawn = {entry.path for entry in record._client.list_artifacts(record.run_id, "front")}
    assert "front/front.html" in drawn
    after = read_sweep(spec.name, tracking_uri=workspace.tracking_uri(spec.name))
    assert workspace.tracking_uri(spec.name) == uri
    assert after.state == before.state == "finished"
    pd.testing.assert_frame_equal(
        after.trials.drop(columns="run_id"), before.trials.drop(columns="run_id")
    )
    assert after.base == before.base
