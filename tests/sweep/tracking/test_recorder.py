"""Trials become entries of the outbox: each step once, however often a trial is run again."""

import json
from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from analysis.record.names import Tag
from sweep.config.spec import SweepSpec
from sweep.outcome import Outcome
from sweep.tracking.entries.kinds import Attached, Closed, Opened, Reported, Tagged
from sweep.tracking.outbox import Outbox
from sweep.tracking.recorder import AlreadyRecorded, Recorder
from sweep.trial_request import TrialRequest
from sweep.workers.checkpoints import CheckpointStores, FolderStore
from sweep.workers.result import Attachment, TrialResult, pack_training
from tests.sweep.conftest import TINY

SPEC = SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY))
CONFIG = SPEC.trials()[0]


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


@pytest.fixture
def recorder(outbox):
    return Recorder(SPEC, outbox, AlreadyRecorded(), CheckpointStores())


def trial(number, **more):
    return SimpleNamespace(config=TrialRequest(number, CONFIG.tree(), **more).to_config())


def result(step, value=1.0, *, done=False, items=b"", losses=()):
    training = {number: {"loss": loss} for number, loss in dict(losses).items()}
    return TrialResult(
        step=step, progress=step / 4, metrics={"bias/miniature/gap": value}, done=done,
        items=Attachment(items), training=pack_training(training),
    ).for_tune()  # fmt: skip


def run_trial(recorder, number, *results):
    """Call the recorder as Tune does while a trial reports these results."""
    recorder.on_trial_start(0, [], trial(number))
    for each in results:
        recorder.on_trial_result(0, [], trial(number), each)


def entries_of(outbox, kind):
    """The entries of one class, in their order."""
    return [entry for entry in outbox.next_entries(100)[0] if isinstance(entry, kind)]


def test_the_first_entry_of_a_trial_holds_its_configuration(recorder, outbox):
    run_trial(recorder, 3)
    (opened,) = outbox.next_entries(100)[0]
    assert isinstance(opened, Opened)
    assert opened.params["train.steps"] == "2"
    assert opened.tags["fingerprint"] == CONFIG.fingerprint()


def test_a_trial_whose_configuration_is_not_valid_is_opened_without_parameters(recorder, outbox):
    recorder.on_trial_start(0, [], trial(3, fault="the drawn settings are no valid trial"))
    (opened,) = outbox.next_entries(100)[0]
    assert (opened.trial, opened.params) == (3, {})


def test_the_version_of_the_space_that_a_trial_was_drawn_from_stays(outbox):
    already_recorded = AlreadyRecorded(space_version=2, with_version=[3])
    recorder = Recorder(SPEC, outbox, already_recorded, CheckpointStores())
    run_trial(recorder, 3)
    run_trial(recorder, 4)
    recorder.open_trial(TrialRequest(5, CONFIG.tree()))
    versions = [entry.tags.get("sweep.space_version") for entry in entries_of(outbox, Opened)]
    assert versions == [None, "2", None]


def test_a_step_that_is_reported_again_is_recorded_once(outbox):
    already_recorded = AlreadyRecorded(last_steps={3: 2}, has_base=True)
    recorder = Recorder(SPEC, outbox, already_recorded, CheckpointStores())
    run_trial(recorder, 3, result(0), result(2), result(4))
    run_trial(recorder, 3, result(2), result(4))
    assert [entry.step for entry in entries_of(outbox, Reported)] == [4]


def test_a_trial_that_begins_anew_is_said_and_its_steps_are_recorded_once(recorder, outbox, caplog):
    """Its checkpoint is damaged; the result in it may have come before that was found."""
    why = "its checkpoint in /shared/0003 cannot be used: it is gone"
    anew = TrialResult(step=0, metrics={"bias/miniature/gap": 1.0}, anew=why).for_tune()
    run_trial(recorder, 3, result(0), result(2))
    run_trial(recorder, 3, result(2), anew, result(2), result(4, done=True))
    of_trial = [entry.step for entry in entries_of(outbox, Reported) if entry.trial == 3]
    assert of_trial == [0, 2, 4]
    assert caplog.messages == [f"trial 3 begins anew, as {why}"]


def test_the_training_between_two_reports_is_recorded_at_its_steps_once(recorder, outbox):
    reports = [result(0), result(2, losses={1: 5.0, 2: 4.0}), result(4, losses={3: 3.0}, done=True)]
    run_trial(recorder, 3, *reports)
    again = result(2, losses={1: 5.0, 2: 4.0})
    run_trial(recorder, 3, again)
    entries = [entry for entry in entries_of(outbox, Reported) if entry.trial == 3]
    losses = {entry.step: entry.metrics.get("train/loss") for entry in entries}
    assert losses == {0: None, 1: 5.0, 2: 4.0, 3: 3.0, 4: None}
    assert [entry.step for entry in entries] == [0, 1, 2, 3, 4], "each once"
    reported = [entry.step for entry in entries if "progress" in entry.metrics]
    assert reported == [0, 2, 4]
    assert TrialResult.of(again).training.take() == b"", "Tune keeps none"


def test_the_base_is_recorded_by_the_first_trial_that_measures_it(recorder, outbox):
    run_trial(recorder, 3, result(0, items=b"base"), result(4, done=True, items=b"end"))
    run_trial(recorder, 4, result(0, items=b"base"))
    assert [entry.trial for entry in entries_of(outbox, Reported)] == [None, 3, 3, 4]
    items = {
        entry.trial: (outbox.files / entry.file).read_bytes()
        for entry in entries_of(outbox, Attached)
    }
    assert items == {None: b"base", 3: b"end"}


def test_a_kill_after_the_first_entry_of_a_step_0_leaves_the_base_recorded_or_to_be_recorded(
    outbox,
):
    """The trial's own step 0 is the mark by which it is not recorded again."""
    recorder = Recorder(SPEC, outbox, AlreadyRecorded(), CheckpointStores())
    run_trial(recorder, 3, result(0, items=b"base"))
    entries, _ = outbox.next_entries(100)
    of_steps = [entry for entry in entries if isinstance(entry, Reported | Attached)]
    assert [entry.trial for entry in of_steps] == [None, None, 3]


def test_items_are_taken_out_of_the_result_that_tune_keeps(recorder):
    first = result(0, items=b"base")
    run_trial(recorder, 3, first)
    assert TrialResult.of(first).items.take() == b""


def test_a_failure_is_recorded_when_it_is_reported(recorder, outbox):
    run_trial(recorder, 3, TrialResult(failure="ValueError: no such data").for_tune())
    (tagged,) = entries_of(outbox, Tagged)
    assert tagged.tags == {"reason": "ValueError: no such data"}


@pytest.mark.parametrize(
    ("state", "status"), [("complete", "FINISHED"), ("pruned", "FINISHED"), ("failed", "FAILED")]
)
def test_how_a_trial_ended_is_its_state_and_the_status_of_its_run(recorder, outbox, state, status):
    recorder.close_trial(Outcome(3, state, "why" if state == "failed" else ""))
    (closed,) = outbox.next_entries(100)[0]
    assert closed.status == status
    assert closed.tags["sweep.state"] == state
    assert closed.tags.get("reason") == ("why" if state == "failed" else None)


def run(number, status="RUNNING", **tags):
    tags = {f"sweep.{name}": value for name, value in tags.items()} | {"sweep.trial": str(number)}
    return SimpleNamespace(info=SimpleNamespace(status=status), data=SimpleNamespace(tags=tags))


def test_trials_that_optuna_knows_have_ended_and_runs_of_a_killed_process_are_closed(
    recorder, outbox
):
    outcomes = [Outcome(0, "complete"), Outcome(1, "failed", "it diverged"), Outcome(2, "complete")]
    runs = [run(0), run(2, "FINISHED", state="complete"), run(3), run(4, "KILLED")]
    recorder.close_earlier_trials(outcomes, runs)
    assert {(entry.trial, entry.status) for entry in entries_of(outbox, Closed)} == {
        (0, "FINISHED"), (1, "FAILED"), (3, "KILLED"),
    }  # fmt: skip


def test_closing_a_sweep_leaves_no_run_open_and_closes_its_own_last(recorder, outbox):
    for number in (2, 0, 1):
        run_trial(recorder, number)
    recorder.close_trial(Outcome(0, "complete"))
    recorder.close_sweep("KILLED", "interrupted")
    closed = [(entry.trial, entry.status) for entry in entries_of(outbox, Closed)]
    assert closed == [(0, "FINISHED"), (1, "KILLED"), (2, "KILLED"), (None, "KILLED")]


def test_a_checkpoint_is_kept_until_the_trial_has_ended_and_a_model_goes_to_the_record(
    outbox, tmp_path
):
    checkpoints, models = (FolderStore(str(tmp_path / name)) for name in ("checkpoints", "models"))
    for storage in (checkpoints, models):
        with storage.write("0003") as folder:
            (folder / "weights").write_text("w")
    stores = CheckpointStores(checkpoints, models)
    recorder = Recorder(SPEC, outbox, AlreadyRecorded(has_base=True), stores)
    run_trial(recorder, 3, result(4, done=True))
    (attached,) = entries_of(outbox, Attached)
    assert (outbox.files / attached.file / "weights").read_text() == "w"
    assert attached.to == "model"
    with checkpoints.read("0003") as folder:
        assert folder is not None, "its driver may die before the search is told"
    recorder.close_trial(Outcome(3, "complete"))
    assert not any((tmp_path / name / "0003").exists() for name in ("checkpoints", "models"))


def test_a_trial_that_is_tried_again_in_halves_says_so_and_how_it_is_trained(outbox, recorder):
    recorder.on_trial_start(0, [], trial(0))
    recorder.on_trial_start(0, [], trial(0, in_halves=True))
    first, second = (entry.tags for entry in entries_of(outbox, Opened))
    assert Tag.IN_HALVES not in first
    assert second[Tag.IN_HALVES] == "true"
    parts = [json.loads(tags[Tag.DEEPSPEED]) for tags in (first, second)]
    assert [part["train_micro_batch_size_per_gpu"] for part in parts] == [4, 2]
    assert [part["gradient_accumulation_steps"] for part in parts] == [1, 2]


def test_the_reason_of_a_failure_is_recorded_without_secrets(outbox, recorder):
    reason = "OperationalError: postgresql://me:secret@host/x and https://host/?token=secret"
    run_trial(recorder, 0, TrialResult(failure=reason, done=True).for_tune())
    recorder.close_trial(Outcome(0, "failed", reason))
    reasons = [
        entry.tags["reason"] for entry in outbox.next_entries(9)[0] if entry.tags.get("reason")
    ]
    assert (
        reasons == ["OperationalError: postgresql://me:***@host/x and https://host/?token=***"] * 2
    )
