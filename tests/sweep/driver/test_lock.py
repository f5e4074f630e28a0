"""One driver for a sweep: one process holds the lock, which is free once that has died."""

import fcntl
import signal
import threading

import pytest

from sweep import workspace
from sweep.driver.lock import only_driver
from sweep.driver.running_sweep import CannotRun


def test_a_second_driver_is_refused_until_the_first_is_killed(driver):
    with (
        pytest.raises(CannotRun, match="is being run by another process: wait for it, or stop it"),
        only_driver(workspace.folder("tiny")),
    ):
        pytest.fail("there are two")
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    with only_driver(workspace.folder("tiny")):
        pass


def test_a_driver_waits_for_a_moment_in_which_somebody_asks(sweep_home):
    folder = workspace.folder("tiny")
    folder.mkdir(parents=True)
    with (folder / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        release = threading.Timer(0.3, fcntl.flock, (file, fcntl.LOCK_UN))
        release.start()
        with only_driver(folder):
            pass
        release.join()


def test_a_folder_with_the_end_of_a_line_in_its_name_is_shown_in_one_line(tmp_path):
    (tmp_path / "a\nb").touch()
    with (
        pytest.raises(CannotRun, match=r"/a\\nb/tiny must be a folder"),
        only_driver(tmp_path / "a\nb" / "tiny"),
    ):
        pytest.fail("it was written")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(
            CannotRun, match="must be a folder that can be written, but: Not a directory"
        ),
        only_driver(tmp_path / "file" / "tiny"),
    ):
        pytest.fail("it was written")
