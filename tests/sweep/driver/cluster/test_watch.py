"""What counts as the loss of Ray, and when it ends the process."""

import subprocess
import sys
import time
from pathlib import Path

from sweep.driver.cluster.watch import ended, watched


def test_a_loss_that_lasts_is_told_once_with_its_reason():
    reasons, began = [], time.monotonic()
    with watched(lambda: "gone", 0.3, reasons.append, every_s=0.05):
        while not reasons and time.monotonic() < began + 5:
            time.sleep(0.01)
        assert time.monotonic() - began >= 0.3
        time.sleep(0.2)
    assert reasons == ["gone"]


def test_a_loss_that_passes_is_not_told():
    answers, reasons = iter(["gone", "gone", "", "gone"] + [""] * 100), []
    with watched(lambda: next(answers), 0.25, reasons.append, every_s=0.1):
        time.sleep(0.9)
    assert reasons == []


def test_after_the_block_nothing_is_told():
    reasons = []
    with watched(lambda: "gone", 0.1, reasons.append, every_s=0.05):
        pass
    time.sleep(0.3)
    assert reasons == []


def test_ray_has_gone_once_a_process_has_ended_that_every_trial_needs(tmp_path):
    """Others may end."""

    def started(name, code):
        program = tmp_path / name
        program.symlink_to(Path(sys.executable).resolve())
        return subprocess.Popen([str(program), "-S", "-c", code])

    head = started("gcs_server", "import time; time.sleep(60)")
    agent = started("log_monitor", "")
    agent.wait()
    assert ended([agent, head]) == ""
    head.kill()
    head.wait()
    assert ended([agent, head]) == (
        "Ray, which runs the trials, has gone: its gcs_server has ended"
    )
