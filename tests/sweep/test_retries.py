"""Trials whose process Ray lost, in whichever way, are tried again."""

import psutil
import pytest
import ray

from sweep import tuner
from sweep.retries import NoRetry
from sweep.spec import load
from tests.sweep.conftest import TINY
from tests.sweep.test_tuner import states

ROOM = 3 << 30  # bytes that the machine may use more than now, before Ray kills


def test_a_worker_whose_disk_is_full_ends_the_sweep_and_fails_no_trial():
    with pytest.raises(OSError, match="No space left") as raised:
        NoRetry().on_trial_result(0, [], None, {"disk_full": "No space left on device"})
    assert raised.value.errno == 28


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.skipif(
    psutil.virtual_memory().available < 3 * ROOM, reason="needs 9 GiB of free memory"
)
def test_a_trial_that_is_killed_for_memory_is_tried_again(tmp_path, sweep_home):
    """Really killed: Tune would end the whole sweep at what Ray raises then."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    tried = tmp_path / "tried"

    def run_trial(config, *, resume_from=None):
        import time

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        yield Report(0, 0.0, dict.fromkeys(names, 1.0), print, print)
        if not tried.exists():
            tried.touch()
            kept = [b"x" * (ROOM + (1 << 29))]
            time.sleep(30)
            del kept
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
        tuner.run(spec, document, run_trial=run_trial)
    finally:
        ray.shutdown()
    assert states(spec) == ({"COMPLETE": 4}, {"FINISHED": 4}, [])
    why = "".join(file.read_text() for file in (sweep_home / "tiny").rglob("error.txt"))
    assert "OutOfMemoryError" in why
