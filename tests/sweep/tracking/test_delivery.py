"""Entries of the outbox arrive in a real MLflow store: in order, once, and later if need be."""

import json
import time

import pytest

from sweep.tracking import batch, delivery, mlflow_record, sweeps
from sweep.tracking.delivery import Delivery, Sending, deliver_batch
from sweep.tracking.entries.kinds import Closed, Opened, Reported, Tagged
from sweep.tracking.outbox import Outbox
from sweep.tracking.refused import refused
from tests.gateway import Answer
from tests.sweep.tracking.conftest import is_upload

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


def deliver_all(record, outbox, sending=None):
    while deliver_batch(record, outbox, sending):
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


def test_a_run_that_is_deleted_while_the_sweep_goes_on_is_left_alone_and_said_once(
    record, outbox, caplog
):
    outbox.put(*whole_trial(1), *whole_trial(2)[:3])
    sending = Sending()
    deliver_all(record, outbox, sending)
    for trial in (1, 2):  # one that has ended, and one that has not
        record._client.delete_run(record.run_id_of(trial))
    outbox.put(Tagged(trial=1, tags={"on_front": "true"}), *whole_trial(2)[3:], *whole_trial(3))
    deliver_all(record, outbox, sending)
    outbox.put(Tagged(trial=1, tags={"on_front": "false"}), Tagged(trial=3, tags={"seen": "yes"}))
    deliver_all(record, outbox, sending)
    (run,) = record.trial_runs()
    assert (run.data.tags["sweep.trial"], run.data.tags["seen"]) == ("3", "yes")
    assert outbox.is_delivered
    assert caplog.messages == [
        f"the run of trial {trial} was deleted in MLflow, which records it no more"
        for trial in (1, 2)
    ]


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


def files_of(record, trial):
    """The paths and sizes of the files of a trial."""
    run_id = record.run_id_of(trial)
    found, folders = {}, [None]
    while folders:
        for entry in record._client.list_artifacts(run_id, folders.pop()):
            if entry.is_dir:
                folders.append(entry.path)
            else:
                found[entry.path] = entry.file_size
    return found


@pytest.mark.parametrize(
    "status",
    [
        200,
        401,
        413,
        *(
            pytest.param(each, marks=pytest.mark.long)
            for each in (400, 403, 404, 407, 411, 415, 507)
        ),
    ],
)
def test_a_file_that_a_gateway_refuses_is_set_aside_and_the_rest_is_delivered(
    status, behind, far_record, outbox, caplog
):
    behind.rule = lambda r: Answer(status) if is_upload(r) and r.num_bytes > 1000 else None
    outbox.put(*whole_trial(0)[:3])
    outbox.attach(0, b"x" * 1001, "items.parquet")
    outbox.attach(0, b"small", "small.txt")
    outbox.put(*whole_trial(0)[3:], *whole_trial(1))
    deliver_all(far_record, outbox)
    assert outbox.is_delivered
    assert files_of(far_record, 0) == {"trial.yaml": 4, "small.txt": 5}
    for run in far_record.trial_runs():
        assert run.info.status == "FINISHED"
        assert len(history(far_record, run, "loss")) == 5
    ((kept,),) = [[*folder.iterdir()] for folder in outbox.files.iterdir()]
    assert kept.read_bytes() == b"x" * 1001
    (row,) = refused(outbox.folder)
    assert row["reason"].startswith(f"{status} ")
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning == (
        f"MLflow refuses a file of trial 0, which stays at {kept} ({row['reason']}); "
        "the rest is delivered"
    )


def test_a_file_that_was_set_aside_is_delivered_once_the_gateway_takes_it(
    behind, far_record, outbox
):
    behind.rule = lambda r: Answer(413) if is_upload(r, "items") else None
    outbox.put(*whole_trial(0)[:2], report(0, 1, **{"bad:*name": 1.0}))
    outbox.attach(0, b"table", "items.parquet")
    deliver_all(far_record, outbox)
    assert len(refused(outbox.folder)) == 2
    outbox.put_back()
    deliver_all(far_record, outbox)
    assert len(refused(outbox.folder)) == 2, "it is refused again, and not lost"
    behind.rule = lambda _: None
    outbox.put_back()
    deliver_all(far_record, outbox)
    assert files_of(far_record, 0)["items.parquet"] == 5
    assert [row["entry"]["do"] for row in refused(outbox.folder)] == ["report"]
    assert [*outbox.files.iterdir()] == []


def test_of_a_folder_each_file_is_delivered_that_is_not_refused(
    behind, far_record, outbox, tmp_path
):
    model = tmp_path / "model"
    (model / "below").mkdir(parents=True)
    for name in ("config.json", "model.safetensors", "below/tokenizer.json"):
        (model / name).write_text(name)
    behind.rule = lambda r: Answer(413) if is_upload(r, "safetensors") else None
    outbox.put(*whole_trial(0)[:2])
    outbox.attach(0, model, "model", to="model")
    deliver_all(far_record, outbox)
    assert {*files_of(far_record, 0)} == {
        *("trial.yaml", "model/config.json", "model/below/tokenizer.json")
    }
    assert [path.name for path in outbox.files.rglob("*") if path.is_file()] == [
        "model.safetensors"
    ]
    behind.rule = lambda _: None
    outbox.put_back()
    deliver_all(far_record, outbox)
    assert files_of(far_record, 0)["model/model.safetensors"] == len("model.safetensors")


def test_of_newer_drawings_that_are_refused_too_the_last_one_is_kept(
    behind, far_record, outbox, caplog
):
    behind.rule = lambda r: Answer(413) if is_upload(r) else None
    for text in (b"first", b"second"):
        outbox.attach(None, text, "front.html", to="front")
        deliver_all(far_record, outbox)
    (row,) = refused(outbox.folder)
    assert (outbox.files / row["entry"]["file"]).read_bytes() == b"second"
    assert len(caplog.records) == 1
    assert [path.read_bytes() for path in outbox.files.rglob("*") if path.is_file()] == [b"second"]


def test_of_one_entry_each_setting_metric_and_tag_is_recorded_that_is_not_refused(record, outbox):
    params = {f"p{n}": "v" for n in range(10)} | {"p" * 300: "v", "bad:*name": "v"}
    outbox.put(
        Opened(trial=0, at=1, tags={"t": "1", "": "no name"}, params=params, yaml="x: 1"),
        report(0, 0, **{f"m{n}": float(n) for n in range(10)}, **{"bad:*name": 1.0}),
        Tagged(trial=0, tags={"after": "1"}),
        Closed(trial=0, at=9, status="FINISHED", tags={"": "no name", "sweep.state": "complete"}),
    )
    deliver_all(record, outbox)
    (run,) = record.trial_runs()
    assert run.data.params == {f"p{n}": "v" for n in range(10)}
    assert run.data.metrics == {f"m{n}": float(n) for n in range(10)}
    assert {"t", "after", "sweep.state"} <= run.data.tags.keys()
    assert run.info.status == "FINISHED"
    assert files_of(record, 0) == {"trial.yaml": 4}
    names = [name for row in refused(outbox.folder) for name in names_in(row["entry"])]
    assert sorted(names) == ["", "", "bad:*name", "bad:*name", "p" * 300]


def names_in(entry):
    return [name for key in ("params", "metrics", "tags") for name in entry.get(key, {})]


@pytest.mark.parametrize("status", [0, 401, 429, 500, 503])
def test_an_outage_is_waited_for_and_nothing_is_set_aside(status, behind, far_record, outbox):
    outbox.put(*whole_trial(0))
    outbox.attach(0, b"table", "items.parquet")
    behind.rule = lambda _: Answer(status)
    with Delivery(far_record, outbox) as sending:
        assert not sending.wait(1.0)
        assert sending.trouble
        assert "<html>" not in sending.trouble
        behind.rule = lambda _: None
        assert sending.wait(20.0)
    assert refused(outbox.folder) == []
    assert files_of(far_record, 0) == {"trial.yaml": 4, "items.parquet": 5}


@pytest.mark.parametrize("status", [0, 429, 503])
def test_a_file_alone_that_fails_for_a_while_is_waited_for_and_then_set_aside(
    status, behind, far_record, outbox, monkeypatch
):
    """As behind a filter that closes the connection of a large upload, or has no room for it now."""
    monkeypatch.setattr(batch, "MAX_FILE_S", 0.3)
    behind.rule = lambda r: Answer(status) if is_upload(r, "items") else None
    outbox.put(*whole_trial(0)[:2])
    outbox.attach(0, b"table", "items.parquet")
    outbox.put(*whole_trial(0)[2:])
    sending = Sending()
    for _ in range(2):  # a failure of the moment, then one of the file
        with pytest.raises(Exception, match=r"."):
            deliver_batch(far_record, outbox, sending)
    assert refused(outbox.folder) == []
    time.sleep(0.4)
    deliver_batch(far_record, outbox, sending)
    assert outbox.is_delivered
    assert len(refused(outbox.folder)) == 1
    outbox.attach(0, b"small", "small.txt")  # of another kind
    outbox.attach(1, b"more", "items.parquet")
    deliver_batch(far_record, outbox, sending)  # at once: the patience with these files is over
    assert len(refused(outbox.folder)) == 2
    behind.rule = lambda _: None
    outbox.attach(2, b"more", "items.parquet")
    deliver_batch(far_record, outbox, sending)
    assert sending.patience.failing_since == {}


def test_files_that_fail_by_turns_hold_nothing_up(behind, far_record, outbox, monkeypatch):
    """Each is taken now and then, so that the patience with it begins anew."""
    monkeypatch.setattr(batch, "MAX_FILE_S", 0.1)
    monkeypatch.setattr(delivery, "MAX_PAUSE_S", 0.2)
    behind.rule = lambda r: Answer(503) if is_upload(r, "items") and r.num_bytes > 4 else None
    outbox.put(*whole_trial(0)[:2])
    for number, content in enumerate([b"large", b"ok", b"large"]):
        outbox.put(Tagged(trial=0, tags={"turn": "even" if number % 2 == 0 else "odd"}))
        outbox.attach(0, content, "items.parquet", to=f"n{number}")
    outbox.put(*whole_trial(0)[2:])
    with Delivery(far_record, outbox) as sending:
        assert sending.wait(20.0)
    assert len(refused(outbox.folder)) == 2
    (run,) = far_record.trial_runs()
    assert (run.info.status, run.data.tags["turn"]) == ("FINISHED", "even")


def test_while_mlflow_takes_all_but_a_file_the_wait_goes_on_and_says_for_what(
    behind, far_record, outbox, monkeypatch, caplog
):
    monkeypatch.setattr(batch, "MAX_FILE_S", 1.5)
    monkeypatch.setattr(delivery, "WARN_AFTER_S", 0.2)
    behind.rule = lambda r: Answer(503) if is_upload(r, "items") else None
    outbox.put(*whole_trial(0)[:2])
    outbox.attach(0, b"table", "items.parquet")
    outbox.put(*whole_trial(0)[2:])
    sending = Delivery(far_record, outbox)
    sending._sending.patience.is_tried = True  # else the first failure is one of the moment
    with sending:
        assert sending.wait(1.0), "less than the patience with files"
    waiting, refusing = [record.getMessage() for record in caplog.records]
    assert waiting.startswith("waiting for MLflow, which takes all but a file of trial 0, which ")
    assert "503 Service Unavailable" in waiting
    assert refusing.startswith("MLflow refuses a file of trial 0")


def test_a_configuration_that_is_refused_is_delivered_as_a_file_later(behind, far_record, outbox):
    behind.rule = lambda r: Answer(403) if is_upload(r, "trial.yaml") else None
    outbox.put(*whole_trial(0))
    deliver_batch(far_record, outbox)
    assert outbox.is_delivered
    assert files_of(far_record, 0) == {}
    (run,) = far_record.trial_runs()
    assert (run.info.status, run.data.params) == ("FINISHED", {"a": "b"})
    behind.rule = lambda _: None
    outbox.put_back()
    deliver_all(far_record, outbox)
    assert files_of(far_record, 0) == {"trial.yaml": 4}
    assert (refused(outbox.folder), [*outbox.files.iterdir()]) == ([], [])


def test_where_no_run_may_be_created_nothing_is_set_aside(behind, far_record, outbox, monkeypatch):
    """Its entries could not be delivered later, out of their order."""
    monkeypatch.setattr(batch, "MAX_ENTRY_S", 0.0)
    monkeypatch.setattr(batch, "MAX_FILE_S", 0.0)
    behind.rule = lambda r: Answer(403) if r.path.endswith("/runs/create") else None
    outbox.put(*whole_trial(0))
    outbox.attach(0, b"table", "items.parquet")
    with Delivery(far_record, outbox) as sending:
        assert not sending.wait(1.5)
        assert sending.trouble == "MlflowException: 403 Forbidden"
        assert refused(outbox.folder) == []
        behind.rule = lambda _: None
        assert sending.wait(20.0)
    assert files_of(far_record, 0) == {"trial.yaml": 4, "items.parquet": 5}


def test_a_line_that_is_no_entry_is_set_aside_and_the_rest_arrives(record, outbox):
    first, *rest = whole_trial(0)
    outbox.put(first)
    with (outbox.folder / "journal.jsonl").open("a") as file:
        file.write('{"do": "dance"}\n\x00\n')
    outbox.put(*rest)
    deliver_all(record, outbox)
    (run,) = record.trial_runs()
    assert run.info.status == "FINISHED"
    lines = [row["entry"]["line"] for row in refused(outbox.folder)]
    assert lines == ['{"do": "dance"}', "\x00"]
    assert all("journal.jsonl:" in row["reason"] for row in refused(outbox.folder))
    json.dumps(refused(outbox.folder))
