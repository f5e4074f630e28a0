"""The results of a worker, report by report, without Ray around it."""

import traceback
from dataclasses import replace

import pytest
from ruamel.yaml import YAML

from sweep.config.inputs import inputs_of
from sweep.config.spec import SweepSpec
from sweep.trial_request import TrialRequest
from sweep.workers.assignment import Assignment, real_trial
from sweep.workers.checkpoints import CheckpointStores, FolderStore
from sweep.workers.result import TrialResult, recorded_training
from sweep.workers.storage_trouble import MAX_CHARS, StorageTrouble
from sweep.workers.worker import TrialFailed, Worker
from tests.markdown import ROOT
from tests.sweep.conftest import TINY
from trainables.config import TrialConfig
from trainables.harness import folder
from trainables.report import Report

pytestmark = pytest.mark.timeout(120)
SPEC = SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY))
NAMES = list(SPEC.metrics())
TRIAL = SPEC.trials()[0].tree()


def reports(*values):
    """A run_trial with a report for each value: of all metrics, of these metrics, or an exception."""

    def run_trial(config, *, resume_from=None):
        first = int((resume_from / "step").read_text()) + 1 if resume_from else 0
        for number, value in list(enumerate(values))[first:]:
            if isinstance(value, Exception):
                raise value
            metrics = value if isinstance(value, dict) else dict.fromkeys(NAMES, value)
            progress = 1.0 if len(values) == 1 else number / (len(values) - 1)

            def save_state(folder, step=number):
                (folder / "step").write_text(str(step))

            def save_model(folder, step=number):
                (folder / "model").write_text(f"the model at report {step}")

            def save_items(file, step=number):
                file.write_text(f"items of report {step}")

            errors = dict.fromkeys(NAMES[:1], 0.5)
            yield Report(number, progress, metrics, save_state, save_model, errors, save_items)

    return run_trial


def begin(run_trial, *, number=7, tree=TRIAL, **stores):
    """A worker that has taken a trial, and writes to these stores."""
    worker = Worker.__new__(Worker)
    assignment = Assignment(run_trial, stores=CheckpointStores(**stores))
    worker.setup(TrialRequest(number, tree).to_config(), assignment)
    return worker


def step(worker) -> TrialResult:
    """The result of the worker's next step."""
    return TrialResult.of(worker.step())


def test_each_report_is_returned_and_the_last_is_done():
    worker = begin(reports(3.0, 2.0, 1.0))
    mappings = [worker.step() for _ in range(3)]
    results = [TrialResult.of(mapping) for mapping in mappings]
    assert [mapping["done"] for mapping in mappings] == [False, False, True], "Tune reads it"
    assert [result.done for result in results] == [False, False, True]
    assert [result.metrics[NAMES[0]] for result in results] == [3.0, 2.0, 1.0]
    assert [result.step for result in results] == [0, 1, 2]


def test_metrics_standard_errors_and_progress_are_recorded():
    result = step(begin(reports(3.0, 2.0)))
    expected = dict.fromkeys(NAMES, 3.0) | {f"se/{NAMES[0]}": 0.5, "progress": 0.0}
    assert result.recorded() == expected


def test_items_come_with_the_first_and_with_the_last_report():
    worker = begin(reports(3.0, 2.0, 1.0))
    items = [step(worker).items.take() for _ in range(3)]
    assert items == [b"items of report 0", b"", b"items of report 2"]


def test_a_drawn_tree_that_is_no_trial_fails_with_its_fault_and_the_worker_stays_usable():
    worker = begin(reports(1.0))
    fault = "the drawn settings are no valid trial: lr must be less."
    worker.reset_config(TrialRequest(7, TRIAL, fault).to_config())
    result = step(worker)
    assert (result.done, result.step) == (True, None)
    assert result.failure == fault
    worker.reset_config(TrialRequest(8, TRIAL).to_config())
    assert step(worker).failure == ""


def test_a_diverged_trial_ends_with_its_reason_and_the_worker_stays_usable():
    worker = begin(reports(3.0, float("nan"), 1.0))
    worker.step()
    result = step(worker)
    assert result.done
    assert "step 1 reported" in result.failure
    assert "diverged" in result.failure
    assert NAMES[0] not in result.recorded(), "NaN is not a number"
    assert worker.reset_config(TrialRequest(5, TRIAL).to_config())
    assert step(worker).metrics[NAMES[0]] == 3.0


def test_a_report_without_a_declared_metric_is_a_failure_that_names_it():
    result = step(begin(reports({NAMES[0]: 1.0})))
    assert "did not report bias/miniature/gap_drop, bias/miniature/icat" in result.failure


def test_an_exception_is_first_returned_as_a_failure_and_then_raised():
    worker = begin(reports(1.0, ValueError("no such data"), 2.0))
    worker.step()
    assert step(worker) == TrialResult(failure="ValueError: no such data")
    with pytest.raises(TrialFailed, match="ValueError: no such data"):
        worker.step()


def test_an_exception_is_told_without_its_secrets_and_no_longer_than_it_can_be_read():
    key = "Pw99x"
    worker = begin(reports(ValueError(f"postgresql://me:{key}@host: {'x' * 10**6}")))
    failure = step(worker).failure
    assert failure.startswith("ValueError: postgresql://me:***@host: xxx")
    assert len(failure) <= MAX_CHARS
    with pytest.raises(TrialFailed) as error:
        worker.step()
    assert key not in "".join(traceback.format_exception(error.value)), "Ray writes it down"


def test_an_interrupted_trial_repeats_its_last_result_and_goes_on_from_there(tmp_path):
    store = FolderStore(str(tmp_path))
    worker = begin(reports(4.0, 3.0, 2.0, 1.0), checkpoints=store)
    before = [step(worker) for _ in range(3)]
    resumed = begin(reports(4.0, 3.0, 2.0, 1.0), checkpoints=store)
    assert step(resumed) == before[-1], "the driver may have died before it got it"
    result = step(resumed)
    assert (result.step, result.done) == (3, True)


def test_a_trial_that_was_interrupted_before_its_first_checkpoint_begins_anew(tmp_path):
    store = FolderStore(str(tmp_path))
    assert step(begin(reports(2.0, 1.0), checkpoints=store)).step == 0
    assert step(begin(reports(2.0, 1.0), checkpoints=store)).step == 0


def damaged(folder, damage):
    """Damage the checkpoint in a folder of the store; return what must be said of it."""
    latest = folder / "latest"
    serial = folder / latest.read_text()
    match damage:
        case "its name empty":
            latest.write_text("")
            return "latest must hold 32 digits"
        case "its name a path":
            latest.write_text("/")
            return "latest must hold 32 digits"
        case "its folder gone":
            serial.rename(folder / "elsewhere")
            return "latest must name a folder beside it"
        case "its result gone":
            (serial / "result.json").unlink()
            return "result.json must be the result with which it was written, but it is not there"
        case "its result cut":
            content = (serial / "result.json").read_text()
            (serial / "result.json").write_text(content[: len(content) // 2])
        case "its result of NULs":
            (serial / "result.json").write_bytes(bytes(100))
        case "its result nested":
            (serial / "result.json").write_text("[" * 10**5)
        case "its state cut":
            (serial / "optimiser.safetensors").write_bytes(b"cut")
            return "optimiser.safetensors must be as a trial saved it"
        case "its state gone":
            (serial / "optimiser.safetensors").unlink()
            return "lacks optimiser.safetensors"
        case "its step cut":
            (serial / "resume.json").write_text('{"ste')
            return "resume.json must be as a trial saved it"
    return "result.json must be the result with which it was written"


OF_STORE = ("its name empty", "its name a path", "its folder gone")
OF_RESULT = ("its result gone", "its result cut", "its result of NULs", "its result nested")
OF_STATE = ("its state cut", "its state gone", "its step cut")


@pytest.mark.parametrize("damage", [*OF_STORE, *OF_RESULT])
def test_a_trial_whose_checkpoint_is_damaged_says_so_and_begins_anew(damage, tmp_path):
    store = FolderStore(str(tmp_path))
    before = begin(reports(4.0, 3.0, 2.0, 1.0), checkpoints=store)
    expected = [step(before) for _ in range(2)]
    said = damaged(tmp_path / "0007", damage)
    again = begin(reports(4.0, 3.0, 2.0, 1.0), checkpoints=store)
    first, *others = [step(again) for _ in range(4)]
    assert first.anew.startswith(f"its checkpoint in {tmp_path}/0007 cannot be used: ")
    assert said in first.anew
    assert "\n" not in first.anew
    assert [result.anew for result in others] == ["", "", ""], "once"
    assert [replace(first, anew=""), others[0]] == expected
    assert [result.step for result in others] == [1, 2, 3]
    assert others[-1].done


@pytest.mark.parametrize("damage", OF_STATE)
def test_a_trial_whose_saved_state_is_damaged_says_so_and_begins_anew(damage, tmp_path):
    store = FolderStore(str(tmp_path))
    tree = TRIAL | {"train": TRIAL["train"] | {"report_every": 1}}
    worker = begin(real_trial, tree=tree, checkpoints=store)
    expected = [step(worker) for _ in range(2)]
    worker.cleanup()
    said = damaged(tmp_path / "0007", damage)
    again = begin(real_trial, tree=tree, checkpoints=store)
    last, first, second, third = [step(again) for _ in range(4)]
    assert last == expected[1], "the driver may have died before it got it"
    assert said in first.anew
    assert [replace(first, anew=""), second] == expected
    assert (third.step, third.done, third.failure) == (2, True, "")


def test_an_error_of_the_trial_itself_leaves_its_checkpoint(tmp_path):
    store = FolderStore(str(tmp_path))
    before = begin(reports(4.0, 3.0, 2.0, 1.0), checkpoints=store)
    for _ in range(3):
        before.step()
    again = begin(reports(4.0, 3.0, 2.0, ValueError("no such data")), checkpoints=store)
    assert step(again).step == 2
    assert step(again).failure == "ValueError: no such data"
    with store.read("0007") as folder:
        assert (folder / "step").read_text() == "2"


def test_a_checkpoint_that_the_storage_does_not_give_is_tried_again_and_stays(tmp_path):
    store = FolderStore(str(tmp_path))
    before = begin(reports(4.0, 3.0, 2.0), checkpoints=store)
    for _ in range(2):
        before.step()
    serial = tmp_path / "0007" / (tmp_path / "0007" / "latest").read_text()
    (serial / "result.json").unlink()
    (serial / "result.json").symlink_to("/proc/self/mem")  # whose first bytes cannot be read
    again = begin(reports(4.0, 3.0, 2.0), checkpoints=store)
    with pytest.raises(StorageTrouble, match="Input/output error"):
        again.step()
    assert serial.is_dir()


def test_a_checkpoint_holds_the_state_of_a_trial_and_its_last_result_but_no_model(tmp_path):
    store = FolderStore(str(tmp_path))
    worker = begin(real_trial, checkpoints=store)
    trial = TRIAL | {"train": TRIAL["train"] | {"report_every": 1}}
    worker.reset_config(TrialRequest(7, trial).to_config())
    results = [step(worker) for _ in range(2)]
    worker.cleanup()
    with store.read("0007") as folder:
        files = sorted(file.name for file in folder.iterdir())
        assert files == ["optimiser.safetensors", "result.json", "resume.json", "trial.json"]
        read = TrialResult.from_json((folder / "result.json").read_text())
        assert read == results[1]
        training = recorded_training(read.training.take())
        assert training == recorded_training(results[1].training.take())
        assert training[1]["train/loss"] > 0


def test_a_finished_model_is_written_to_the_store_of_models(tmp_path):
    models = FolderStore(str(tmp_path))
    assert step(begin(reports(1.0), models=models)).done
    with models.read("0007") as folder:
        assert [file.name for file in folder.iterdir()] == ["model"]
        assert (folder / "model").read_text() == "the model at report 0"


def test_a_trial_is_closed_when_its_worker_takes_another(tmp_path):
    closed = []

    def run_trial(config, *, resume_from=None):
        try:
            yield from reports(2.0, 1.0)(config)
        finally:
            closed.append(True)

    worker = begin(run_trial)
    worker.step()
    worker.reset_config(TrialRequest(8, TRIAL).to_config())
    assert closed == [True]


def test_a_trial_whose_data_have_changed_fails_with_that_reason_and_the_worker_goes_on(tmp_path):
    file = tmp_path / "pairs.csv"
    file.write_text("stereotype,antistereotype\nshe cries,he cries\n")
    tree = TRIAL | {"alignment": {"data": str(file)}}
    inputs = inputs_of([TrialConfig.model_validate(tree)])
    began_with = {entry.name: entry.digest() for entry in inputs}
    worker = Worker.__new__(Worker)
    worker.setup(
        TrialRequest(7, tree).to_config(), Assignment(reports(3.0, 2.0, 1.0), digests=began_with)
    )
    assert step(worker).metrics[NAMES[0]] == 3.0
    before = file.read_text()
    file.write_text("stereotype,antistereotype\nhe cries,she cries\n")
    result = step(worker)
    assert (result.done, result.metrics) == (True, {})
    assert result.failure.startswith(
        f"trial.alignment.data: {file} must be what the sweep began with"
    )
    worker.reset_config(TrialRequest(8, tree).to_config())
    assert step(worker).failure == result.failure, "nothing is read for the next one"
    file.write_text(before)
    worker.reset_config(TrialRequest(9, tree).to_config())
    assert [step(worker).failure for _ in range(3)] == ["", "", ""]


def test_a_worker_finds_the_tasks_of_the_folder_that_the_command_line_has_named():
    tasks = ROOT / "tests" / "harness_tasks"
    tree = TRIAL | {"evaluators": [{"name": "harness", "task": "mini_capitals"}]}
    names = [f"task/mini_capitals/{m}" for m in ("acc", "acc_norm", "exact_match", "brier_score")]
    worker = Worker.__new__(Worker)
    assignment = Assignment(reports(dict.fromkeys(names, 0.5)), harness_tasks=tasks)
    worker.setup(TrialRequest(7, tree).to_config(), assignment)
    try:
        result = step(worker)
    finally:
        folder.use(None)
    assert (result.failure, result.done) == ("", True)


def test_a_folder_of_tasks_that_a_node_lacks_is_the_failure_of_the_trial(tmp_path):
    worker = Worker.__new__(Worker)
    assignment = Assignment(reports(0.5), harness_tasks=tmp_path / "absent")
    worker.setup(TrialRequest(7, TRIAL).to_config(), assignment)
    assert "--harness-tasks must be a folder" in step(worker).failure


def test_a_changed_input_is_the_failure_of_the_trial_without_its_secrets(tmp_path):
    file = tmp_path / "token=Pw99x.csv"
    file.write_text("stereotype,antistereotype\nshe cries,he cries\n")
    tree = TRIAL | {"alignment": {"data": str(file)}}
    worker = Worker.__new__(Worker)
    inputs = inputs_of([TrialConfig.model_validate(tree)])
    digests = {entry.name: "0" * 64 for entry in inputs}
    worker.setup(TrialRequest(7, tree).to_config(), Assignment(reports(0.5), digests=digests))
    failure = step(worker).failure
    assert "token=*** must be what the sweep began with" in failure
    assert "Pw99x" not in failure


def test_a_folder_of_tasks_that_the_storage_does_not_give_is_trouble_of_the_storage(tmp_path):
    (tmp_path / "mine.yaml").symlink_to("/proc/self/mem")  # whose first bytes cannot be read
    worker = Worker.__new__(Worker)
    worker.setup(
        TrialRequest(7, TRIAL).to_config(), Assignment(reports(0.5), harness_tasks=tmp_path)
    )
    with pytest.raises(StorageTrouble, match="Input/output error"):
        worker.step()
