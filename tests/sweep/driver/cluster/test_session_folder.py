"""Folders for the files of Ray: where they are, who may enter them, and that they go with its processes."""

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sweep.driver.cluster import session_folder as session_folder_module
from sweep.driver.cluster.session_folder import session_folder

SLEEP = "import time; time.sleep(60)"
OPEN_AND_SLEEP = f"""
import subprocess, sys
from sweep.driver.cluster.session_folder import session_folder
with session_folder() as files:
    child = subprocess.Popen([sys.executable, "-c", {SLEEP!r}], start_new_session=True)
    print(files, child.pid, flush=True)
    {SLEEP}
"""


@pytest.fixture
def base(monkeypatch):
    """A short folder for such folders."""
    import tempfile

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        monkeypatch.delenv("RAY_TMPDIR", raising=False)
        yield Path(folder)


def is_alive(pid):
    """Whether a process runs, and is not just waiting to be collected."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_only_this_user_may_enter_it_and_it_goes(base):
    with session_folder() as files:
        folder = Path(files).parent
        assert folder.parent == base
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        Path(files).mkdir()
        (Path(files) / "log").write_text("AWS_SECRET_ACCESS_KEY=x")
    assert os.listdir(base) == []


def test_processes_end_that_were_started_within_it_and_no_others(base):
    """As one by which its user reads a log."""
    with session_folder() as files:
        started = subprocess.Popen([sys.executable, "-c", SLEEP], start_new_session=True)
        without_mark = {k: v for k, v in os.environ.items() if not k.startswith("EQUIPOISE")}
        reader = subprocess.Popen([sys.executable, "-c", SLEEP, f"{files}/log"], env=without_mark)
    assert started.wait(5) == -signal.SIGKILL
    assert reader.poll() is None
    reader.kill()
    reader.wait()


def test_it_goes_however_the_block_ends(base):
    with pytest.raises(KeyboardInterrupt), session_folder():
        raise KeyboardInterrupt
    assert os.listdir(base) == []
    assert "EQUIPOISE_RAY_FOLDER" not in os.environ


def test_what_a_killed_driver_has_left_goes_as_the_next_one_starts(base):
    """Its processes, too; those of a driver that lives stay."""
    drivers = [
        subprocess.Popen([sys.executable, "-c", OPEN_AND_SLEEP], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    (dead_files, dead_child), (files, child) = [d.stdout.readline().split() for d in drivers]
    drivers[0].kill()
    drivers[0].wait()
    assert is_alive(dead_child)
    with session_folder():
        assert not Path(dead_files).parent.exists()
        assert not is_alive(dead_child)
        assert Path(files).parent.is_dir()
        assert is_alive(child)
    drivers[1].terminate()
    drivers[1].wait()
    os.kill(int(child), signal.SIGKILL)


def test_folders_of_others_stay(base):
    """Of that name: with something in them, such as a lock, empty, and a file."""
    (base / "ray-abcdefgh").mkdir()
    (base / "ray-abcdefgh" / "lock").touch()
    (base / "ray-datasets").mkdir()
    (base / "ray-thefile1").touch()
    old = time.time() - 3600
    for name in ("ray-abcdefgh", "ray-datasets"):
        os.utime(base / name, (old, old))
    with session_folder():
        pass
    assert sorted(os.listdir(base)) == ["ray-abcdefgh", "ray-datasets", "ray-thefile1"]


def test_a_driver_that_starts_has_no_folder_that_another_one_takes_for_abandoned(base, monkeypatch):
    """Between the making of the folder and its locking, another driver starts."""
    lock = session_folder_module.FileLock

    def after_another_has_started(path, **options):
        monkeypatch.setattr(session_folder_module, "FileLock", lock)
        with session_folder():
            pass
        return lock(path, **options)

    monkeypatch.setattr(session_folder_module, "FileLock", after_another_has_started)
    with session_folder() as files:
        assert Path(files).parent.is_dir()
    assert os.listdir(base) == []
