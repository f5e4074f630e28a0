"""A record that lacks what it had taken gets it again."""

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from sweep.tracking.delivery import deliver_batch
from sweep.tracking.entries.kinds import Closed, Opened, Reported, Tagged
from sweep.tracking.older_store import deliver_again, lacks_base_items
from sweep.tracking.outbox import Outbox

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


def put(outbox, *numbers):
    """Put some trials, of one report and with items, into an outbox."""
    for number in numbers:
        outbox.put(Opened(trial=number, at=1, tags={"fingerprint": "f"}))
        metrics = {"progress": 1.0, "bias/miniature/gap": 2.0}
        outbox.put(Reported(trial=number, at=2, step=2, metrics=metrics))
        outbox.attach(number, b"items", "items.parquet")
        tags = {"sweep.state": "complete"}
        outbox.put(Closed(trial=number, at=3, status="FINISHED", tags=tags))


def states(record):
    """The state of each trial in the record, by its number."""
    runs = record.trial_runs()
    return {int(r.data.tags["sweep.trial"]): r.data.tags.get("sweep.state") for r in runs}


def test_an_old_copy_of_the_store_gets_everything_again_and_what_is_gone_is_named(
    record, outbox, caplog
):
    put(outbox, 0)
    deliver_batch(record, outbox)
    assert deliver_again(record, outbox) == []
    assert not caplog.messages
    put(outbox, 1, 2)
    entries, end = outbox.next_entries(100)
    outbox.mark_delivered(end, entries)  # to a store whose old copy this one is
    gone = deliver_again(record, outbox)
    assert sorted(entry.trial for entry in gone) == [1, 2], "the store has that of trial 0"
    (warning,) = caplog.messages
    assert "what it had taken of trials 1, 2, as an old copy does" in warning
    assert warning.endswith("but items.parquet of trials 1, 2, which went with it")
    deliver_batch(record, outbox)
    assert states(record) == dict.fromkeys(range(3), "complete")
    assert deliver_again(record, outbox) == []


def test_an_end_and_a_last_report_that_are_missing_are_missed(record, outbox):
    put(outbox, 0, 1)
    deliver_batch(record, outbox)
    runs = record.trial_runs()
    assert outbox.missing_in(runs, record.own_run()).trials == []
    del runs[0].data.tags["sweep.state"]
    runs[1].data.metrics["progress"] = 0.5
    assert outbox.missing_in(runs, record.own_run()).trials == [0, 1]


def test_a_setting_whose_name_is_gone_is_delivered_again_and_a_changed_value_is_said(
    record, outbox, caplog
):
    opened = Opened(trial=0, at=1, params={"seed": "3", "lr": "0.1"})
    outbox.put(opened, Opened(trial=1, at=1, params={"seed": "4"}))
    deliver_batch(record, outbox)
    file = record.tracking_uri.removeprefix("sqlite:///")
    with closing(sqlite3.connect(file)) as database, database:
        where = "WHERE key = 'seed' AND run_uuid = ?"
        of_run = (record.run_id_of(0),)
        database.execute(f"UPDATE params SET key = 'seee' {where}", of_run)
    assert deliver_again(record, outbox) == []
    assert "lacks what it had taken of trial 0, as an old copy does" in caplog.text
    deliver_batch(record, outbox)
    by_trial = {run.data.tags["sweep.trial"]: run.data.params for run in record.trial_runs()}
    assert by_trial["0"] == {"seed": "3", "seee": "3", "lr": "0.1"}
    caplog.clear()
    with closing(sqlite3.connect(file)) as database, database:
        database.execute(f"UPDATE params SET value = '9' {where}", of_run)
    assert deliver_again(record, outbox) == []
    assert outbox.is_delivered, "MLflow would refuse it"
    (warning,) = caplog.messages
    assert warning.startswith(
        "the tracking store has other values of seed of trial 0 than it had taken, and MLflow lets no "
        "setting be changed: put an intact copy of it back, or have `sweep sync "
    )


def test_a_last_value_is_written_anew_where_it_is_gone_and_its_history_is_not(
    record, outbox, caplog
):
    put(outbox, 0)
    deliver_batch(record, outbox)
    name, run_id = "bias/miniature/gap", record.run_id_of(0)
    with closing(sqlite3.connect(record.tracking_uri.removeprefix("sqlite:///"))) as file, file:
        where = "WHERE key = ? AND run_uuid = ?"
        file.execute(f"DELETE FROM latest_metrics {where}", (name, run_id))
    deliver_again(record, outbox)
    while not outbox.is_delivered:
        deliver_batch(record, outbox)
    (run,) = record.trial_runs()
    assert run.data.metrics[name] == 2.0
    history = record._client.get_metric_history(run_id, name)
    assert [(point.step, point.value) for point in history] == [(2, 2.0), (2, 2.0)]
    caplog.clear()
    assert deliver_again(record, outbox) == []
    assert not caplog.messages


def test_an_end_of_the_sweep_and_a_base_model_that_are_missing_are_missed(record, outbox, caplog):
    outbox.put(Reported(trial=None, at=1, step=0, metrics={"progress": 0.0}))
    put(outbox, 0)
    end = Closed(trial=None, at=4, status="FINISHED", tags={"sweep.state": "finished"})
    outbox.put(end)
    deliver_batch(record, outbox)
    own = record.own_run()
    assert outbox.missing_in(record.trial_runs(), own).trials == []
    del own.data.metrics["progress"]
    assert outbox.missing_in(record.trial_runs(), own).trials == [None]
    record._client.delete_tag(record.run_id, "sweep.state")
    deliver_again(record, outbox)
    assert "lacks what it had taken of the sweep itself, as an old copy does" in caplog.text
    deliver_batch(record, outbox)
    assert record.has_ended()
    outbox.put(Tagged(trial=None, tags={"sweep.alive": "1"}))
    deliver_batch(record, outbox)
    record.reopen(record.run_id)
    assert outbox.missing_in(record.trial_runs(), record.own_run()).trials == [], (
        "a driver has begun since"
    )


def test_what_is_missing_is_missed_whatever_else_was_refused_and_what_was_refused_is_not(
    record, outbox
):
    outbox.put(Reported(trial=None, at=1, step=0, metrics={"progress": 0.0}))
    put(outbox, 0, 1)
    outbox.attach(None, b"page", "front.html", "front")
    deliver_batch(record, outbox)
    outbox.attach(0, b"model", "model")
    outbox.attach(None, b"page", "front.html", "front")
    (model, page), end = outbox.next_entries(10)
    for entry in (model, page, Tagged(trial=1, tags={"note": "n"})):
        outbox.set_aside(entry, "too large")
    outbox.mark_delivered(end, [])
    with (outbox.folder / "journal.jsonl").open("a") as file:
        file.write("{}\n")
    assert outbox.next_entries(10)[0] == []
    runs, own = record.trial_runs(), record.own_run()
    assert outbox.missing_in(runs, own).trials == []
    del own.data.metrics["progress"]
    assert outbox.missing_in([], own).trials == [None, 0, 1]
    # As when MLflow refuses some of it, in parts.
    outbox.set_aside(Tagged(trial=0, tags={"sweep.state": "complete"}), "too long")
    outbox.set_aside(Reported(trial=None, at=1, step=0, metrics={"progress": 0.0}), "no")
    for run in runs:
        del run.data.tags["sweep.state"]
    assert outbox.missing_in(runs, own).trials == [1]


def test_a_trial_of_which_a_store_has_taken_nothing_is_not_missed(record, outbox):
    opened = Opened(trial=0, at=1, tags={"fingerprint": "f"}, yaml="x: 1")
    closed = Closed(trial=0, at=3, status="FINISHED", tags={"sweep.state": "complete"})
    outbox.put(opened, closed)
    outbox.mark_delivered(outbox.next_entries(10)[1], [])
    assert outbox.missing_in([], record.own_run()).trials == [0]
    parts = [opened.model_copy(update={"yaml": ""}), Tagged(trial=0, tags=closed.tags)]
    for part in (*parts, closed.model_copy(update={"tags": {}})):
        outbox.set_aside(part, "no such run")
    assert outbox.missing_in([], record.own_run()).trials == []


def test_items_of_the_base_model_that_the_store_has_lost_are_said(record, outbox, caplog):
    assert not lacks_base_items(record, outbox), "there were none"
    outbox.attach(None, b"items", "items.parquet")
    assert not lacks_base_items(record, outbox), "they wait"
    deliver_batch(record, outbox)
    assert not lacks_base_items(record, outbox)
    assert not caplog.messages
    (file,) = Path(record.own_run().info.artifact_uri).glob("items.parquet")
    file.unlink()
    assert lacks_base_items(record, outbox)
    (warning,) = caplog.messages
    assert warning.startswith(
        "the tracking store lacks items.parquet of the base model, which it had"
    )


def test_a_run_that_a_user_has_deleted_stays_deleted_which_is_said(record, outbox, caplog):
    put(outbox, 0, 1)
    deliver_batch(record, outbox)
    record._client.delete_run(record.run_id_of(1))
    record = replace(record, _run_ids=None, _deleted=None)
    assert deliver_again(record, outbox) == []
    assert caplog.messages == ["the runs of trial 1 were deleted in MLflow, and stay so"]
    outbox.mark_all_undelivered()  # as where another trial is missing, or the journal was damaged
    deliver_batch(record, outbox)
    assert outbox.is_delivered
    assert list(states(record)) == [0]


def test_a_run_that_a_user_has_deleted_of_a_trial_that_goes_on_is_made_again(record, outbox):
    outbox.put(Opened(trial=0, at=1, tags={"fingerprint": "f"}))
    deliver_batch(record, outbox)
    record._client.delete_run(record.run_id_of(0))
    record = replace(record, _run_ids=None, _deleted=None)
    outbox.put(Closed(trial=0, at=3, status="FINISHED", tags={"sweep.state": "complete"}))
    deliver_batch(record, outbox)
    assert list(states(record)) == [0]
