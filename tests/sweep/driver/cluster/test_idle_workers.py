"""A worker that gets no further trial ends while the sweep goes on."""

import time

import psutil
import pytest

from sweep.driver.cluster import idle_workers
from sweep.driver.run_sweep import run
from tests.sweep.conftest import states

pytestmark = [
    *(pytest.mark.long, pytest.mark.slow),
    *(pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")),
]


@pytest.mark.parametrize(("idle_s", "is_alive"), [(1.0, False), (60.0, True)])
def test_the_worker_of_a_trial_that_has_ended_ends_while_the_last_trial_runs(
    idle_s, is_alive, spec_of, tmp_path, monkeypatch
):
    def run_trial(config, *, resume_from=None):
        import os

        from trainables.report import Report

        names = [metric.name for metric in config.metrics()]
        yield Report(0, 0.0, dict.fromkeys(names, 1.0), print, print)
        try:
            (tmp_path / "last").touch(exist_ok=False)
        except FileExistsError:  # another is the last one
            (tmp_path / "new").write_text(str(os.getpid()))
            (tmp_path / "new").rename(tmp_path / "pid")
        else:
            while not (tmp_path / "pid").exists():
                time.sleep(0.05)
            pid, deadline = (
                int((tmp_path / "pid").read_text()),
                time.monotonic() + (10 if is_alive else 60),
            )
            while psutil.pid_exists(pid) and time.monotonic() < deadline:
                time.sleep(0.1)
            (tmp_path / ("alive" if psutil.pid_exists(pid) else "ended")).touch()
        yield Report(1, 1.0, dict.fromkeys(names, 1.0), print, print)

    monkeypatch.setattr(idle_workers, "IDLE_S", idle_s)
    spec, document = spec_of(2)
    run(spec, document, run_trial=run_trial)
    assert states(spec) == ({"COMPLETE": 2}, {"FINISHED": 2}, [])
    assert (tmp_path / "alive").exists() == is_alive
