"""Entries of the outbox arrive in a real MLflow store: in order, once, and later if need be."""

import pytest

from sweep.tracking import mlflow_record, sweeps
from sweep.tracking.delivery import Delivery, deliver_batch
from sweep.tracking.outbox import Outbox
from sweep.tracking.outbox_entries import Closed, Opened, Reported, Tagged

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


def report(trial, step, **metrics):
    return Reported(trial=trial, at=1_700_000_000_000 + step, step=step, metrics=metrics)


def whole_trial(number):
    return [
        Opened(trial=number, at=1_600_000_000_000, tags={"t": "1"}, params={"a": "b"}, yaml="x: 1"),
        *(report(number, step, loss=1 / (step + 1), progress=step / 4) for step in range(5)),
        Closed(
            trial=number, at=1_600_000_005_000, status="FINISHED",
            tags={"sweep.state": "complete"},
        ),
    ]  # fmt: skip


def history(record, run, name):
    """Steps and values of a metric of a run, as MLflow has them."""
    entries = record._client.get_metric_history(run.info.run_id, name)
    return sorted((entry.step, entry.value) for entry in entries)


def deliver_all(record, outbox):
    while deliver_batch(record, outbox):
        pass


def test_a_trial_arrives_whole_with_the_times_at_which_it_ran(record, outbox):
    outbox.put(*whole_trial(3))
    outbox.attach(3, b"table", "items.parquet")
    deliver_all(record, outbox)
    (run,) = record.trial_runs()
    assert run.info.status == "FINISHED"
    assert (run.info.start_time, run.info.end_time) == (1_600_000_000_000, 1_600_000_005_000)
    assert run.data.params == {"a": "b"}
    assert run.data.tags["sweep.trial"] == "3"
    assert run.data.tags["sweep.state"] == "complete"
    assert history(record, run, "progress") == [(step, step / 4) for step in range(5)]
    files = {file.path for file in record._client.list_artifacts(run.info.run_id)}
    assert files == {"trial.yaml", "items.parquet"}
    assert outbox.is_delivered


def test_an_entry_that_is_delivered_twice_is_recorded_once(record, spec, outbox):
    """As after a kill between MLflow's answer and the tick."""
    outbox.put(*whole_trial(0), report(None, 0, base=2.0))
    outbox.attach(0, b"table", "items.parquet")
    entries, end = outbox.next_entries(100)
    outbox.mark_delivered = lambda *_: None
    deliver_batch(record, outbox)
    deliver_batch(sweeps.find_sweep(record.tracking_uri, spec.name), outbox)  # another process
    del outbox.mark_delivered
    outbox.mark_delivered(end, entries)
    (run,) = record.trial_runs()
    assert history(record, run, "loss") == [(step, 1 / (step + 1)) for step in range(5)]
    parent = record._client.get_run(record.run_id)
    assert history(record, parent, "base") == [(0, 2.0)]


def test_a_trial_that_begins_again_keeps_its_run_and_nothing_of_its_end(record, outbox):
    failed = Closed(trial=1, at=5, status="FAILED", tags={"sweep.state": "failed", "reason": "why"})
    outbox.put(*whole_trial(1)[:3], failed)
    deliver_all(record, outbox)
    outbox.put(Opened(trial=1, at=9), report(1, 7, progress=1.0))
    deliver_all(record, outbox)
    (run,) = record.trial_runs()
    assert run.info.status == "RUNNING"
    assert not {"sweep.state", "reason"} & run.data.tags.keys()
    assert [step for step, _ in history(record, run, "progress")] == [0, 1, 7]


def test_more_metrics_than_a_request_takes_all_arrive(record, outbox):
    outbox.put(report(4, 1, **{f"m{n}": 0.5 for n in range(2500)}))
    outbox.put(Tagged(trial=4, tags={f"t{n}": "x" for n in range(250)}))
    deliver_all(record, outbox)
    (run,) = record.trial_runs()
    assert len(run.data.metrics) == 2500
    assert sum(tag.startswith("t") for tag in run.data.tags) == 250


def test_an_entry_that_mlflow_refuses_is_set_aside_and_the_rest_arrives(record, outbox):
    outbox.put(*whole_trial(5)[:2], report(5, 1, **{"bad:*name": 1.0}), *whole_trial(5)[2:])
    outbox.put(*whole_trial(6))
    deliver_all(record, outbox)
    runs = {run.data.tags["sweep.trial"]: run for run in record.trial_runs()}
    for run in runs.values():
        assert run.info.status == "FINISHED"
        assert len(history(record, run, "loss")) == 5
    assert "bad:*name" in (outbox.folder / "refused.jsonl").read_text()


@pytest.mark.parametrize("late", [False, True], ids=["done", "done late"])
def test_a_run_whose_creation_was_not_answered_is_there_once(record, outbox, monkeypatch, late):
    """The server was killed before its answer (done), or hung and did it later (done late)."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    create = MlflowClient.create_run
    unanswered = []

    def create_run(*arguments, **keywords):
        if not unanswered:
            unanswered.append(arguments)
            if not late:
                create(*arguments, **keywords)
            raise MlflowException("timed out")
        if late:
            create(*arguments, **keywords)
        return create(*arguments, **keywords)

    monkeypatch.setattr(MlflowClient, "create_run", create_run)
    outbox.put(*whole_trial(2))
    with pytest.raises(MlflowException, match="timed out"):
        deliver_batch(record, outbox)
    deliver_all(record, outbox)
    (run,) = record.trial_runs()
    assert run.info.status == "FINISHED"
    assert len(history(record, run, "loss")) == 5


def test_entries_that_wait_while_mlflow_is_away_arrive_once_it_is_back(record, outbox, monkeypatch):
    """Here the client cannot connect; test_faults.py stops a real server."""
    connect = mlflow_record.connect

    def away(uri):
        raise ConnectionError("nobody listens\nand more")

    monkeypatch.setattr(mlflow_record, "connect", away)
    with Delivery(record, outbox) as delivery:
        outbox.put(*whole_trial(0))
        assert not delivery.wait(1.0)
        assert delivery.trouble == "ConnectionError: nobody listens"
        monkeypatch.setattr(mlflow_record, "connect", connect)
        assert delivery.wait(20.0)
        assert delivery.trouble == ""
    (run,) = record.trial_runs()
    assert history(record, run, "loss") == [(step, 1 / (step + 1)) for step in range(5)]
