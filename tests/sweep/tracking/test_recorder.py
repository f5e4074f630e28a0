"""What becomes of trials, written down: each report once, whatever is run again."""

from types import SimpleNamespace

import pytest
from ruamel.yaml import YAML

from sweep.config.spec import SweepSpec
from sweep.outcome import Outcome
from sweep.tracking.entries import Attached, Closed, Opened, Reported, Tagged
from sweep.tracking.outbox import Outbox
from sweep.tracking.recorder import AlreadyRecorded, Recorder, trial_yaml
from sweep.workers.checkpoints import CheckpointStores, FolderStore
from sweep.workers.result import Attachment, TrialResult
from tests.sweep.conftest import TINY
from trainables.config import TrialConfig
from trainables.schema.yaml_file import read, validate

SPEC = SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY))
CONFIG = SPEC.trials()[0]


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


@pytest.fixture
def recorder(outbox):
    return Recorder(SPEC, outbox, AlreadyRecorded(), CheckpointStores())


def trial(number, **more):
    return SimpleNamespace(config={"number": number, "trial": CONFIG.tree()} | more)


def result(step, value=1.0, *, done=False, items=b""):
    return TrialResult(
        step=step, progress=step / 4, metrics={"bias/miniature/gap": value}, done=done,
        items=Attachment(items),
    ).for_tune()  # fmt: skip


def tell(recorder, number, *results):
    recorder.on_trial_start(0, [], trial(number))
    for each in results:
        recorder.on_trial_result(0, [], trial(number), each)


def of_kind(outbox, kind):
    return [entry for entry in outbox.waiting(100)[0] if isinstance(entry, kind)]


def test_a_trial_is_opened_with_all_that_it_is(recorder, outbox):
    tell(recorder, 3)
    (opened,) = outbox.waiting(100)[0]
    assert isinstance(opened, Opened)
    assert opened.params["train.steps"] == "2"
    assert opened.tags["fingerprint"] == CONFIG.fingerprint()


def test_one_that_is_no_trial_is_opened_all_the_same(recorder, outbox):
    recorder.on_trial_start(0, [], trial(3, fault="what was drawn is no trial"))
    (opened,) = outbox.waiting(100)[0]
    assert (opened.trial, opened.params) == (3, {})


def test_a_step_that_is_said_again_is_recorded_once(outbox):
    already = AlreadyRecorded(last_steps={3: 2}, has_base=True)
    recorder = Recorder(SPEC, outbox, already, CheckpointStores())
    tell(recorder, 3, result(0), result(2), result(4))
    tell(recorder, 3, result(2), result(4))
    assert [entry.step for entry in of_kind(outbox, Reported)] == [4]


def test_the_base_is_recorded_by_the_first_trial_that_measures_it(recorder, outbox):
    tell(recorder, 3, result(0, items=b"base"), result(4, done=True, items=b"end"))
    tell(recorder, 4, result(0, items=b"base"))
    assert [entry.trial for entry in of_kind(outbox, Reported)] == [3, None, 3, 4]
    kept = {
        entry.trial: (outbox.files / entry.file).read_bytes() for entry in of_kind(outbox, Attached)
    }
    assert kept == {None: b"base", 3: b"end"}


def test_what_is_large_does_not_stay_with_tune(recorder):
    told = result(0, items=b"base")
    tell(recorder, 3, told)
    assert TrialResult.of(told).items.take() == b""


def test_a_failure_is_recorded_when_it_is_said(recorder, outbox):
    tell(recorder, 3, TrialResult(failure="ValueError: no such data").for_tune())
    (tagged,) = of_kind(outbox, Tagged)
    assert tagged.tags == {"reason": "ValueError: no such data"}


@pytest.mark.parametrize(
    ("state", "status"), [("complete", "FINISHED"), ("pruned", "FINISHED"), ("failed", "FAILED")]
)
def test_how_a_trial_ended_is_its_state_and_the_status_of_its_run(recorder, outbox, state, status):
    recorder.close(Outcome(3, state, "why" if state == "failed" else ""))
    (closed,) = outbox.waiting(100)[0]
    assert closed.status == status
    assert closed.tags["sweep.state"] == state
    assert closed.tags.get("reason") == ("why" if state == "failed" else None)


def run(number, status="RUNNING", **tags):
    tags = {f"sweep.{name}": value for name, value in tags.items()} | {"sweep.trial": str(number)}
    return SimpleNamespace(info=SimpleNamespace(status=status), data=SimpleNamespace(tags=tags))


def test_settling_closes_what_the_search_knows_has_ended_and_what_runs_no_more(recorder, outbox):
    endings = [Outcome(0, "complete"), Outcome(1, "failed", "it diverged"), Outcome(2, "complete")]
    runs = [run(0), run(2, "FINISHED", state="complete"), run(3), run(4, "KILLED")]
    recorder.settle(endings, runs)
    assert {(entry.trial, entry.status) for entry in of_kind(outbox, Closed)} == {
        (0, "FINISHED"), (1, "FAILED"), (3, "KILLED"),
    }  # fmt: skip


def test_closing_a_sweep_leaves_no_run_open_and_closes_its_own_last(recorder, outbox):
    for number in (2, 0, 1):
        tell(recorder, number)
    recorder.close(Outcome(0, "complete"))
    recorder.close_sweep("KILLED", "interrupted")
    closed = [(entry.trial, entry.status) for entry in of_kind(outbox, Closed)]
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
    tell(recorder, 3, result(4, done=True))
    (attached,) = of_kind(outbox, Attached)
    assert (outbox.files / attached.file / "weights").read_text() == "w"
    assert attached.to == "model"
    with checkpoints.read("0003") as folder:
        assert folder is not None, "its driver may die before the search is told"
    recorder.close(Outcome(3, "complete"))
    assert not any((tmp_path / name / "0003").exists() for name in ("checkpoints", "models"))


def test_a_trials_yaml_is_the_trial(tmp_path):
    path = tmp_path / "trial.yaml"
    path.write_text(trial_yaml(CONFIG, "tiny", 7))
    assert validate(TrialConfig, read(path)) == CONFIG
