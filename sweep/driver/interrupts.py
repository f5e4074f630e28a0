"""Handle the signals of the process that runs a sweep: Ctrl-C becomes KeyboardInterrupt.

SIGTERM, SIGHUP and SIGQUIT count as Ctrl-C. The life of a Ctrl-C, in order:

1. The command line calls `end_at_once`, which counts behind its verb, and enters `raising_ctrl_c`.
   Ctrl-C raises KeyboardInterrupt wherever the process is.
   Python swallows what is raised within a destructor: then it comes again a moment later. While Ray
   starts, SIGTERM comes to a handler of Ray's (`handlers_put_back`).
2. Trials are about to begin, and the command line enters `while_trials_run`.
3. The driver enters `TuneInterrupt` and calls `Tuner.fit`. Tune installs a handler of its own, which
   ends the run in good order, but between two steps only, and a step may wait for a trial to come.
   Tune then sets up its callbacks, and one of them calls `TuneInterrupt.wrap_handler`: Ctrl-C now
   sets `TuneInterrupt.is_set` first, so that the search suggests no more trials.
4. Tune's handler removes itself when it is called, so that a second Ctrl-C raises KeyboardInterrupt.
5. `Tuner.fit` returns as if the sweep had ended. The driver sees that trials are left, and raises
   KeyboardInterrupt.
6. The blocks are left in reverse order, and each puts back the handlers that were there before. What
   must be done to its end, such as ending Ray, is within `signals_ignored`. The command line turns
   KeyboardInterrupt into a sentence and an exit code (sweep/cli/finish.py).

Ray's processes are in sessions of their own (sweep/driver/cluster/ray_processes.py), so that what a
terminal sends to all processes of our group comes to this one alone, which ends them.

A signal that was ignored at the start of the process stays ignored: Ctrl-C in the background of a
script, SIGHUP under nohup. KeyboardInterrupt means one of these signals and nothing else; whatever
else ends a sweep early raises sweep.driver.running_sweep.Stopped.
"""

from __future__ import annotations

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
HOOK = "put_off_if_swallowed"
PUT_OFF_S, MAX_PUT_OFF = 0.02, 50  # a second at most: what logs may wait for a full pipe


class CtrlC:
    """A signal handler that raises KeyboardInterrupt.

    Within `logging` it comes a moment later. Raised between two steps of that, it could leave its lock
    taken for good, and every thread that logs, as all that use a database do, would wait for ever.

    pressed: whether it was called, even if the exception was swallowed.
    number: the signal with which it was called last.
    """

    pressed = False
    number: int = signal.SIGINT
    _num_put_off = 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Note that Ctrl-C was pressed, and raise KeyboardInterrupt."""
        self.pressed, self.number = True, number
        if _is_not_to_be_cut(frame) and self._num_put_off < MAX_PUT_OFF:
            self._num_put_off += 1
            self.put_off()
            return
        self._num_put_off = 0
        raise KeyboardInterrupt

    def put_off(self) -> None:
        """Have the signal come again a moment later."""
        # Not by `threading`, whose lock the step that a signal has interrupted may hold.
        _thread.start_new_thread(_send_later, (self.number,))


def _send_later(number: int) -> None:
    """Send a signal to this process a moment later."""
    time.sleep(PUT_OFF_S)
    os.kill(os.getpid(), number)


def _is_not_to_be_cut(frame: FrameType | None) -> bool:
    """Return whether a frame, or one that has called it, is of `logging`, or a hook of this file."""
    while frame is not None:
        is_logging = frame.f_globals.get("__name__", "").partition(".")[0] == "logging"
        if is_logging or frame.f_code.co_name == HOOK:
            return True
        frame = frame.f_back
    return False


@contextmanager
def raising_ctrl_c() -> Iterator[CtrlC]:
    """Within the block, raise KeyboardInterrupt on each of the SIGNALS.

    One that Python swallows, within a destructor or what is called as one, comes again; else it would
    be printed, and lost.

    Yields:
        The handler, for `while_trials_run`.
    """
    ctrl_c = CtrlC()
    earlier_handlers, earlier_hook = _handlers(), sys.unraisablehook

    def put_off_if_swallowed(unraisable: Any) -> None:
        if unraisable.exc_type is KeyboardInterrupt:
            ctrl_c.put_off()
        else:
            earlier_hook(unraisable)

    for number, handler in earlier_handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ctrl_c)
    sys.unraisablehook = put_off_if_swallowed
    try:
        yield ctrl_c
    finally:
        sys.unraisablehook = earlier_hook
        _install(earlier_handlers)


def end_at_once(code: Callable[[], int]) -> None:
    """From here on, outside of `raising_ctrl_c`, end the process at once on each of the SIGNALS.

    Python takes a moment to end what libraries have begun. A signal of then would end it with another
    code than the verb's.

    code: returns the exit code.
    """
    for number, handler in _handlers().items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, lambda *_: os._exit(code()))


@contextmanager
def handlers_put_back() -> Iterator[None]:
    """Within the block a library may install signal handlers; after it those of Python are there again.

    The handlers of Ray end the process by SystemExit, which nothing else does while Ray starts.

    Raises:
        KeyboardInterrupt: SIGTERM came to a handler of the library.
    """
    handlers = _handlers()
    ours = {number: handler for number, handler in handlers.items() if callable(handler)}
    try:
        yield
    except (KeyboardInterrupt, SystemExit) as error:
        # The handler of Ray's C++ part passes SIGTERM on, but has the process aborted in 3 s.
        signal.alarm(0)
        if signal.SIGTERM not in ours:  # this process is not run by our command line
            raise
        raise KeyboardInterrupt from error
    finally:
        if _in_main_thread():
            _install(ours)


def put_back() -> None:
    """Install the handlers of the SIGNALS again, which a library has taken from the system."""
    if _in_main_thread():
        _install(_handlers())


@contextmanager
def signals_ignored() -> Iterator[None]:
    """Within the block, which ends what was begun, ignore the SIGNALS; after it they count again.

    They are not kept for later. Child processes that are started within it do not ignore them.
    """
    if not _in_main_thread():
        yield
        return
    handlers = _handlers()
    _install(dict.fromkeys(handlers, lambda *_: None))
    try:
        yield
    finally:
        _install(handlers)


@contextmanager
def while_trials_run(ctrl_c: CtrlC) -> Iterator[None]:
    """Within the block, let the other SIGNALS count as Ctrl-C.

    ctrl_c: the handler from `raising_ctrl_c`.
    """

    def as_ctrl_c(number: int, frame: FrameType | None) -> None:
        if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script
            ctrl_c(number, frame)
        signal.raise_signal(signal.SIGINT)  # to our handler, or to that of Tune

    earlier = {number: signal.getsignal(number) for number in SIGNALS if number != signal.SIGINT}
    for number, handler in earlier.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, as_ctrl_c)
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class TuneInterrupt:
    """A context manager around `Tuner.fit` that notes a Ctrl-C at once and puts the handler back.

    A process may run Tune outside its main thread, where no handler can be installed. Tune installs
    none then, and nor does this class.

    is_set: whether Ctrl-C was pressed since `wrap_handler` was called.
    """

    is_set = False

    def __enter__(self) -> Self:
        """Note the handler of SIGINT that is in place."""
        self._earlier_handler = signal.getsignal(signal.SIGINT)
        return self

    def __exit__(self, *_: object) -> None:
        """Put that handler back."""
        if _in_main_thread():
            signal.signal(signal.SIGINT, self._earlier_handler)  # Tune leaves its own behind

    def wrap_handler(self) -> None:
        """Install a handler that sets `is_set` and calls Tune's, which must be installed already."""
        tune_handler = signal.getsignal(signal.SIGINT)

        def handler(*arguments: Any) -> None:
            self.is_set = True
            if callable(tune_handler):
                tune_handler(*arguments)

        if _in_main_thread() and callable(tune_handler):
            signal.signal(signal.SIGINT, handler)

    def end_run(self) -> None:
        """Have Tune end its run in good order, as Ctrl-C would; do nothing if that came already."""
        if not self.is_set:
            signal.raise_signal(signal.SIGINT)


def _handlers() -> dict[int, Any]:
    """Return the handler of each of the SIGNALS; one that was not installed by Python is left out."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    return {number: handler for number, handler in handlers.items() if handler is not None}


def _install(handlers: Mapping[int, Any]) -> None:
    """Install the handlers of signals."""
    for number, handler in handlers.items():
        signal.signal(number, handler)


def _in_main_thread() -> bool:
    """Return whether this is the main thread, the only one that may install signal handlers."""
    return threading.current_thread() is threading.main_thread()
