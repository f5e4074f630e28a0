"""Ray Tune runs the trials of a sweep at most so many at once, in processes that stay for the next."""

import pytest

from sweep import workspace
from sweep.driver.run_sweep import run
from tests.sweep.conftest import states

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


@pytest.mark.long
def test_trials_one_at_a_time_share_a_process_and_have_folders_of_their_own(spec_of, tmp_path):
    log = tmp_path / "log"

    def run_trial(config, *, resume_from=None):
        import os
        import time

        from trainables.report import Report

        values = dict.fromkeys((metric.name for metric in config.metrics()), 1.0)
        for step in range(2):
            with log.open("a") as file:
                file.write(f"{os.getpid()} {step}\n")
            time.sleep(0.1)
            yield Report(step, float(step), values, print, print)

    spec, document = spec_of(3, budget="resources: {at_once: 1}\nbudget")
    run(spec, document, run_trial=run_trial)
    assert states(spec) == ({"COMPLETE": 3}, {"FINISHED": 3}, [])
    processes, steps = zip(*(line.split() for line in log.read_text().splitlines()), strict=True)
    assert len(set(processes)) == 1
    assert steps == ("0", "1") * 3, "no trial begins before the one before has ended"
    folders = {
        path.name for path in (workspace.folder(spec.name) / "ray").iterdir() if path.is_dir()
    }
    assert {"0000", "0001", "0002"} <= folders
