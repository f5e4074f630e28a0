"""Start the command line: `python -m sweep`, and the command `sweep`."""

import atexit
import os
import signal
import sys

from sweep.driver.interrupts import SIGNALS

FAILED, INTERRUPTED = 1, 130  # as in trainables/cli/verbs.py, which is not read yet


def main() -> None:
    """Run the command line, and end the process with the exit code of the verb; see sweep/cli/app.py.

    Raises:
        SystemExit: with that code.
    """
    code = FAILED  # of an error that the verb does not expect

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    # Registered first, so that it is done last. After it Python would put back the handlers of signals,
    # and threads of a Ray that was interrupted while it started may crash the process.
    atexit.register(end)
    _end_at_any_signal()
    from sweep.cli.app import main as run_verb

    try:
        run_verb()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else FAILED if left.code else 0
        raise
    finally:
        _end_at_any_signal()
        sys.stdout.flush()


def _end_at_any_signal() -> None:
    """Have a signal end this process at once, unless it is ignored.

    While Python reads modules, and while it ends, there is nothing to close, and a KeyboardInterrupt
    would print a traceback.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(INTERRUPTED))


if __name__ == "__main__":
    main()
