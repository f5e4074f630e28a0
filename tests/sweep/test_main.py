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


def ended(code):
    """How a process of Python code ends that runs the command line."""
    return subprocess.run(
        [sys.executable, "-c", f"{code}\nfrom sweep.__main__ import main\nmain()"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_python_ends_prints_no_traceback_and_loses_no_output(number):
    process = ended(f"""
import atexit, os, sys, time
import sweep.cli.app
main_of_app = sweep.cli.app.main
def send():
    os.kill(os.getpid(), {int(number)})
    time.sleep(5)
sweep.cli.app.main = lambda: (atexit.register(send), main_of_app())
sys.argv = ["sweep", "--help"]""")
    assert (process.returncode, process.stderr) == (130, "")
    assert "Usage" in process.stdout


@pytest.mark.parametrize(
    ("verb", "code"),
    [
        ("None", 0),
        ("sys.exit(0)", 0),
        ("sys.exit()", 0),
        ("sys.exit(130)", 130),
        ("sys.exit('no')", 1),
        ("1 / 0", 1),
    ],
)
def test_the_exit_code_is_that_of_the_verb_whatever_libraries_do_as_python_ends(verb, code):
    """Threads of a Ray that was interrupted while it started crash."""
    process = ended(f"""
import os, signal, sys
import sweep.cli.app

class Crash:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGSEGV):
        kill(pid, number)

crash = Crash()
sweep.cli.app.main = lambda: (print("said"), {verb})""")
    assert (process.returncode, process.stdout) == (code, "said\n")
    assert ("ZeroDivisionError" in process.stderr) == ("1 / 0" in verb)
