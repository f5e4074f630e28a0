"""The start of the command line: a signal that comes before the verb has begun."""

import signal
import subprocess
import sys

import pytest

# A module of the command line is looked for, and the signal comes.
CODE = """
import os, signal, sys, time

class Sender:
    def find_spec(self, name, *_):
        if name == "sweep.cli":
            os.kill(os.getpid(), {number})
            time.sleep({after_s})

{before}
sys.meta_path.insert(0, Sender())
sys.argv = ["sweep", "--help"]
from sweep.__main__ import main
main()
"""


def run(number, *, before="", after_s=5):
    code = CODE.format(number=int(number), before=before, after_s=after_s)
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_a_signal_while_modules_are_read_ends_the_command_without_a_traceback(number):
    process = run(number)
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "")


def test_a_signal_that_was_ignored_stays_ignored():
    """SIGHUP under nohup."""
    process = run(signal.SIGHUP, before="signal.signal(signal.SIGHUP, signal.SIG_IGN)", after_s=0)
    assert process.returncode == 0, process.stderr
    assert "Usage" in process.stdout


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_signal_while_python_ends_prints_no_traceback_and_loses_no_output(number, place):
    """Before the last thing that is done at the end, and after it, where Python has handlers no more."""
    code = f"""
import atexit, os, sys, time

def send():
    os.kill(os.getpid(), {int(number)})
    time.sleep(1)

class Sender:
    def __del__(self, send=send):
        send()

if "{place}" == "after":
    kept = Sender()
else:
    import sweep.cli.app
    main_of_app = sweep.cli.app.main
    sweep.cli.app.main = lambda: (atexit.register(send), main_of_app())
sys.argv = ["sweep", "--help"]
from sweep.__main__ import main
main()
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    expected = 130 if place == "before" else 0
    assert (process.returncode, process.stderr) == (expected, "")
    assert "Usage" in process.stdout
