"""Start the command line: `python -m sweep`, and the command `sweep`."""

import atexit
import os
import signal
import sys

from sweep.driver.interrupts import SIGNALS

INTERRUPTED = 130  # as in trainables/cli/verbs.py, which is not read yet


def main() -> None:
    """Run the command line; see sweep/cli/app.py.

    Raises:
        SystemExit: with the exit code of the verb.
    """
    atexit.register(_ignore_signals)  # the last thing that Python does before it puts back handlers
    _end_at_any_signal()
    from sweep.cli.app import main as run_verb

    try:
        run_verb()
    finally:
        _end_at_any_signal()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()


def _end_at_any_signal() -> None:
    """Have a signal end this process at once, unless it is ignored.

    While Python reads modules, and while it ends, there is nothing to close, and a KeyboardInterrupt
    would print a traceback.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(INTERRUPTED))


def _ignore_signals() -> None:
    """Have no signal change the exit code of a verb that has ended."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    main()
