"""Trials whose process or node has died are tried again."""

from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest
import ray
from ray.exceptions import RayActorError

from analysis.record.names import Tag
from sweep import workspace
from sweep.config.check import load
from sweep.driver.retries import LacksOfMemory, NoRetry, describe_death
from sweep.driver.run_sweep import run
from sweep.tracking.sweeps import find_sweep
from sweep.trial_request import IN_HALVES, TrialRequest
from sweep.workers.result import TrialResult
from tests.local_ray import start_ray
from tests.sweep.conftest import TINY, states
from trainables.config import TrialConfig

# Bytes beyond those in use at which Ray kills workers: no other test needs as many.
ROOM = 6 << 30


def test_a_worker_whose_disk_is_full_ends_the_sweep_and_fails_no_trial():
    full = TrialResult(disk_full="No space left on device")
    with pytest.raises(OSError, match="No space left") as raised:
        NoRetry().on_trial_result(0, [], None, full.for_tune())
    assert raised.value.errno == 28


@pytest.mark.parametrize(
    ("message", "description"),
    [
        (
            "1 worker(s) were killed due to the node running low on memory. Memory on the node (IP: "
            "10.0.0.7, ID: f28) was 6.82GB used\nOOM kill reason: …",
            "its node ran out of memory on 10.0.0.7",
        ),
        (
            "The actor died because its node has died. Node Id: 3f…\n\tip: 10.0.0.7\nThe actor is …",
            "its node died on 10.0.0.7",
        ),
        (
            "The actor died unexpectedly before finishing this task.\n\tpid: 9837\n\tip: 10.0.0.7\nThe "
            "actor is dead because its worker process has died. Worker exit type: SYSTEM_ERROR Worker "
            "exit detail: Worker unexpectedly exits with code 2. End of file. Some common causes …",
            "its process died on 10.0.0.7: Worker unexpectedly exits with code 2. End of file",
        ),
        (
            "The actor died because of an error raised in its creation task, \x1b[36mray::T.__init__()"
            '\x1b[39m (pid=7, ip=10.0.0.7, actor_id=3f)\n  File "worker.py", line 3\n    import it\n'
            "    ^^^^^^^^^\nModuleNotFoundError: No module named 'deepspeed'\n",
            "its process cannot start on 10.0.0.7: ModuleNotFoundError: No module named 'deepspeed'",
        ),
        ("The actor is temporarily unavailable", "its process died"),
    ],
)
def test_a_death_is_described_in_a_few_words(message, description):
    assert describe_death(RayActorError(error_msg=message)) == description


def tune_trial(batch_size: int) -> SimpleNamespace:
    """What is asked of a trial of Tune, in place of one."""
    tree = TrialConfig.model_validate(
        {
            "model": {"path": "miniature"},
            "alignment": {"data": "miniature"},
            "objective": "cda",
            "train": {"lr": 1e-3, "steps": 2, "batch_size": batch_size},
            "evaluators": [{"name": "stereoset", "data": "miniature"}],
        }
    ).tree()
    return SimpleNamespace(trial_id="a", config=TrialRequest(0, tree).to_config(), max_failures=3)


def test_a_first_lack_of_memory_halves_and_a_second_one_ends_with_what_would_fit():
    lacks, one = LacksOfMemory(num_processes=2), tune_trial(batch_size=4)
    assert lacks.advice(one) == ""
    assert (one.config[IN_HALVES], one.max_failures) == (True, 3)
    assert "1 text at once, but did not twice: less is needed with" in lacks.advice(one)
    assert one.max_failures == 0


def test_what_cannot_be_halved_is_tried_again_whole_and_not_called_halved():
    lacks, one = LacksOfMemory(num_processes=1), tune_trial(batch_size=3)
    assert lacks.advice(one) == ""
    assert IN_HALVES not in one.config
    assert "3 texts at once" in lacks.advice(one)
    assert one.max_failures == 0


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_worker_that_died_while_it_was_kept_for_the_next_trial_costs_that_one_nothing(
    spec_of, tmp_path
):
    """The last trial to run kills all workers that ran any, and is tried again."""

    def run_trial(config, *, resume_from=None):
        import os
        import signal
        import time

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        (tmp_path / f"{os.getpid()}.pid").touch()
        yield Report(0, 0.0, dict.fromkeys(names, 1.0), print, print)
        with suppress(FileExistsError):
            (tmp_path / "first").touch(exist_ok=False)
            while len(list(tmp_path.glob("*.ended"))) < 3:
                time.sleep(0.05)
            time.sleep(0.5)  # until the last of them is known to have ended
            own = os.getpid()
            pids = [int(path.stem) for path in tmp_path.glob("*.pid")]
            for pid in sorted(pids, key=lambda pid: pid == own):
                os.kill(pid, signal.SIGKILL)
        (tmp_path / f"{config.train.lr}.ended").touch()
        yield Report(1, 1.0, dict.fromkeys(names, 1.0), print, print)

    start_ray(2)
    try:
        spec, document = spec_of(4)
        run(spec, document, run_trial=run_trial)
    finally:
        ray.shutdown()
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.skipif(
    psutil.virtual_memory().available < 2 * ROOM, reason="needs 12 GiB of free memory"
)
def test_a_trial_that_is_killed_for_memory_is_tried_again(tmp_path, sweep_home):
    """Ray really kills it. Tune alone would end the whole sweep at the error that Ray raises then."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    tried = tmp_path / "tried"

    def run_trial(config, *, resume_from=None):
        import time

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        yield Report(0, 0.0, dict.fromkeys(names, 1.0), print, print)
        if not tried.exists():
            tried.touch()
            memory = [b"x" * (ROOM + (1 << 29))]
            time.sleep(30)
            del memory
        yield Report(1, 1.0, dict.fromkeys(names, 1.0), print, print)

    memory = psutil.virtual_memory()
    threshold = (memory.total - memory.available + ROOM) / memory.total
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        _system_config={"memory_usage_threshold": threshold, "memory_monitor_refresh_ms": 100},
    )
    try:
        spec, document = load(tmp_path / "tiny.yaml")
        run(spec, document, run_trial=run_trial)
    finally:
        ray.shutdown()
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])
    errors = "".join(file.read_text() for file in (sweep_home / "tiny").rglob("error.txt"))
    assert "ran out of memory" in errors
    assert in_halves_of(spec) == ["true"]


def in_halves_of(spec) -> list[str]:
    """Return the tag of those trials that were tried again with half the texts at a time."""
    runs = find_sweep(workspace.local_tracking_uri(), spec.name).trial_runs()
    return [run.data.tags[Tag.IN_HALVES] for run in runs if Tag.IN_HALVES in run.data.tags]


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize(("limit", "state"), [(2, "COMPLETE"), (1, "FAIL")])
def test_a_trial_without_enough_memory_is_tried_once_with_half_the_texts(spec_of, limit, state):
    """PyTorch's error of a GPU, in the process that trains: a real one needs a real GPU."""

    def run_trial(config, *, resume_from=None):
        import torch

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        yield Report(0, 0.0, dict.fromkeys(names, 1.0), print, print)
        if config.train.batch_size // config.train.accumulation > limit:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        yield Report(1, 1.0, dict.fromkeys(names, 1.0), print, print)

    start_ray(2)
    try:
        spec, document = spec_of(2)
        run(spec, document, run_trial=run_trial)
    finally:
        ray.shutdown()
    optuna_states, _, reasons = states(spec)
    assert optuna_states == {state: 2}
    assert in_halves_of(spec) == ["true"] * 2
    assert all("2 texts at once" in reason for reason in reasons)


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("hangs", "is_enough"), [(False, True), (True, True), (False, False), (True, False)]
)
def test_a_further_process_without_enough_memory_has_its_trial_tried_once_more_in_halves(
    spec_of, hangs, is_enough
):
    """The first process waits for it, and only learns that it has gone; with NCCL it never does."""

    def run_trial(config, *, resume_from=None):
        import time

        import torch

        from trainables.report import Report
        from trainables.training.process_group import start_deepspeed

        start_deepspeed()
        names = [metric.name for metric in config.metrics()]
        yield Report(0, 0.0, dict.fromkeys(names, 1.0), print, print)
        lacks = config.train.accumulation == 1 or not is_enough
        if lacks and torch.distributed.get_rank() == 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        if hangs and lacks:
            time.sleep(120)
        torch.distributed.barrier()
        yield Report(1, 1.0, dict.fromkeys(names, 1.0), print, print)

    start_ray(2)
    try:
        spec, document = spec_of(2, budget="resources: {workers_per_trial: 2}\nbudget")
        run(spec, document, run_trial=run_trial)
    finally:
        ray.shutdown()
    optuna_states, _, reasons = states(spec)
    assert optuna_states == {"COMPLETE" if is_enough else "FAIL": 2}
    assert in_halves_of(spec) == ["true"] * 2
    assert all("1 text at once, but did not twice" in reason for reason in reasons)
    assert len(reasons) == (0 if is_enough else 2)
