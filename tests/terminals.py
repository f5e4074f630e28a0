"""A terminal for a process that a test starts, and its end, as when a window is closed."""

import fcntl
import os
import pty
import signal
import termios
import threading


class Terminal:
    """A terminal that reads and drops what is shown on it.

    end: the file descriptor for the standard output of a process.
    """

    def __init__(self) -> None:
        self._keyboard, self.end = pty.openpty()
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        """Read until it is closed."""
        os.set_blocking(self._keyboard, False)
        while not self._closed.wait(0.02):
            try:
                os.read(self._keyboard, 100_000)
            except OSError:
                continue

    def close(self) -> None:
        """Close it: the processes that it is the terminal of get SIGHUP. A second time does nothing."""
        if not self._closed.is_set():
            self._closed.set()
            self._reader.join()
            os.close(self.end)
            os.close(self._keyboard)


def take_over() -> None:
    """In a new session of a child process: have signals count, and the terminal of its stdout be its own.

    Tests that run in the background of a script have SIGINT and SIGQUIT ignored, and SIGHUP under nohup.
    """
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    if os.isatty(1):
        fcntl.ioctl(1, termios.TIOCSCTTY, 0)
