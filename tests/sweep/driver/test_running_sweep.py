"""MLflow must have the entries that an earlier process left before a sweep goes on."""

import pytest

from sweep.driver import running_sweep
from sweep.driver.running_sweep import CannotRun, wait_until_delivered
from sweep.tracking.delivery import Delivery
from sweep.tracking.entries.kinds import Tagged
from sweep.tracking.mlflow_record import Record
from sweep.tracking.outbox import Outbox


def test_entries_that_mlflow_does_not_take_are_refused_with_the_reason(tmp_path, monkeypatch):
    monkeypatch.setattr(running_sweep, "PATIENCE_S", 1.0)
    outbox = Outbox(tmp_path)
    with Delivery(Record("http://127.0.0.1:9", "0", "tiny", "run"), outbox) as delivery:
        wait_until_delivered(delivery, "tiny")  # nothing is to be recorded
        outbox.put(Tagged(trial=None, tags={"reason": ""}))
        with pytest.raises(
            CannotRun, match="must take the entries that are left of tiny, but does not: Ml"
        ):
            wait_until_delivered(delivery, "tiny")
