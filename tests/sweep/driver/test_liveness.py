"""A driver has died if its lock is free; to ask keeps nobody out."""

import signal
import subprocess
import sys

from sweep import workspace
from sweep.driver.liveness import driver_died_here, state_here
from sweep.driver.lock import only_driver


def test_who_asks_whether_a_driver_lives_keeps_no_driver_out_and_is_told_what_is_so(sweep_home):
    uri = workspace.local_tracking_uri()
    (workspace.folder("tiny") / "record").mkdir(parents=True)
    with only_driver(workspace.folder("tiny")):
        assert not driver_died_here("tiny", uri)
    ask = "from sweep.driver.liveness import driver_died_here as died"
    script = f"{ask}\nprint(flush=True)\nwhile True: assert died('tiny', {uri!r})"
    asking = [
        subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    try:
        for process in asking:
            process.stdout.readline()
        for _ in range(300):
            assert driver_died_here("tiny", uri)
        assert [process.poll() for process in asking] == [None, None]
    finally:
        for process in asking:
            process.kill()
            process.communicate()


def test_a_driver_has_died_here_if_it_ran_here_and_its_lock_is_free(driver):
    uri = workspace.local_tracking_uri()
    assert not driver_died_here("tiny", uri), "it has recorded nothing yet"
    (workspace.folder("tiny") / "record").mkdir()
    assert not driver_died_here("tiny", uri), "it lives"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert driver_died_here("tiny", uri)
    assert not driver_died_here("tiny", "http://elsewhere:5000"), "that sweep is another one"
    assert not driver_died_here("other", uri)


def test_a_sweep_that_the_record_shows_as_running_is_interrupted_once_its_driver_has_died(driver):
    uri = workspace.local_tracking_uri()
    (workspace.folder("tiny") / "record").mkdir()
    assert state_here("tiny", uri, "paused") == "paused"
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    assert state_here("tiny", uri, "paused") == "interrupted"
    assert state_here("tiny", uri, "finished") == "finished"
