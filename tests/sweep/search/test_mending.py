"""A record that lacks what it had taken gets it again, and what is lost for good is not complete."""

import pytest

from sweep.config.check import load
from sweep.outcome import Outcome
from sweep.search.lost_results import LostResult, must_have_items
from sweep.search.mending import (
    left_lost,
    lost_sentence,
    record_lost,
)
from sweep.tracking import sweeps
from sweep.tracking.delivery import deliver_batch
from sweep.tracking.entries.kinds import Opened
from sweep.tracking.outbox import Outbox
from sweep.tracking.recorder import AlreadyRecorded, Recorder
from sweep.trial_request import TrialRequest
from sweep.workers.checkpoints import CheckpointStores
from tests.sweep.conftest import TINY
from tests.sweep.tracking.test_older_store import put, states

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mending")
    (folder / "tiny.yaml").write_text(TINY)
    return folder


@pytest.fixture
def spec(folder, request):
    spec, _ = load(folder / "tiny.yaml")
    return spec.model_copy(update={"name": request.node.name.replace("_", "-")[:90]})


@pytest.fixture
def record(folder, spec):
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    return sweeps.open_sweep(uri, spec, TINY, {}, str(folder / spec.name))


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


def test_trials_that_have_lost_results_are_not_complete_and_have_a_reason(record, outbox, spec):
    put(outbox, 0)
    request = TrialRequest(0, spec.trials()[0].tree())
    lost = [
        LostResult(Outcome(0, "complete"), request, "its last report", {"bias/miniature/gap": 7.5}),
        LostResult(Outcome(1, "failed", "it diverged"), TrialRequest(1, request.trial), "", {}),
    ]
    record_lost(lost, Recorder(spec, outbox, AlreadyRecorded(), CheckpointStores()))
    deliver_batch(record, outbox)
    assert states(record) == {0: "lost", 1: "failed"}
    run, failed = sorted(record.trial_runs(), key=lambda run: run.data.tags["sweep.trial"])
    assert run.info.status == "KILLED"
    assert run.data.metrics["bias/miniature/gap"] == 7.5
    assert run.data.tags["reason"].startswith("the record lacks its last report")
    assert failed.data.params["train.steps"] == "2"
    assert record.lost_trials() == [0]
    recorder = Recorder(spec, outbox, AlreadyRecorded(), CheckpointStores())
    recorder.close_earlier_trials([Outcome(0, "complete")], record.trial_runs())
    deliver_batch(record, outbox)
    assert states(record)[0] == "lost", "nor is it completed later"


def test_items_are_looked_for_where_the_journal_may_have_lost_them(record, outbox):
    put(outbox, 0)
    deliver_batch(record, outbox)
    (run,) = record.trial_runs()
    assert must_have_items(record, outbox, [run])(run)
    outbox.is_damaged = True
    assert must_have_items(record, outbox, [run])(run), "it has them"
    outbox.attach(None, b"items", "items.parquet")
    outbox.put(Opened(trial=1, at=1))
    deliver_batch(record, outbox)
    runs = {int(run.data.tags["sweep.trial"]): run for run in record.trial_runs()}
    has_items = must_have_items(record, outbox, [*runs.values()])
    assert (has_items(runs[0]), has_items(runs[1])) == (True, False)
    outbox.attach(1, b"items", "items.parquet")
    (refused,), end = outbox.next_entries(10)
    outbox.set_aside(refused, "413 Payload Too Large")
    outbox.mark_delivered(end, [refused])
    assert must_have_items(record, outbox, [*runs.values()])(runs[1]), "the journal has them"


def test_a_lost_trial_is_left_until_somebody_retries_it(record):
    tags = {0: {}, 1: {}, 2: {}, 3: {"sweep.retry_of": "0"}, 4: {}}
    for number, own in tags.items():
        state = {"sweep.state": "complete" if number > 2 else "lost"}
        record.log_batch(record.run_id_of(number), [], {}, state | own)
    assert left_lost(record) == [1, 2]
    record.set_tags({"sweep.retry.2": "requested"})
    assert left_lost(record) == [1]


def test_what_is_lost_is_said_with_what_to_do():
    assert lost_sentence("tiny", [3, 5]) == (
        "the record of tiny has lost results of trials 3, 5, which are complete by the search, and on no "
        "front: put an intact copy of its folder `record` back and `sweep sync tiny`, or have `sweep "
        "retry tiny` run them again."
    )
