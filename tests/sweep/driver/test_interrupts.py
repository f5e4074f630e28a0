"""From a signal to KeyboardInterrupt: which are swallowed, ignored or handed on, and put back."""

import logging
import os
import signal
import sys
import threading
import time
from contextlib import nullcontext

import pytest

from sweep.driver.interrupts import (
    CtrlC,
    TuneInterrupt,
    handlers_put_back,
    raising_ctrl_c,
    signals_ignored,
    while_trials_run,
)

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)


@pytest.fixture(autouse=True)
def handlers():
    """The handlers of a process that was started from a terminal; each test puts back those before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def installed():
    """The handlers and the hook that are in place."""
    return [*map(signal.getsignal, SIGNALS), sys.unraisablehook]


def send(number):
    """Send a signal to this process, and wait for the exception of its handler."""
    os.kill(os.getpid(), number)
    time.sleep(5)  # cut off by the exception


class RaisesWhenDestroyed:
    def __init__(self, error, number=signal.SIGINT):
        self._error, self._number = error, number

    def __del__(self):
        if self._error is KeyboardInterrupt:
            signal.raise_signal(self._number)
        raise self._error


def test_ctrl_c_raises_and_is_remembered():
    with raising_ctrl_c() as ctrl_c:
        assert not ctrl_c.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert ctrl_c.pressed


@pytest.mark.parametrize("number", SIGNALS)
def test_a_ctrl_c_that_a_destructor_swallows_comes_again_a_moment_later(number, capsys):
    with raising_ctrl_c():
        destroyed = [RaisesWhenDestroyed(KeyboardInterrupt, number)]
        destroyed.clear()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)  # cut off by the exception
    assert capsys.readouterr().err == ""


def test_a_ctrl_c_that_is_put_off_for_long_does_not_come_within_the_hook(monkeypatch, capsys):
    """As on a busy machine, on which a moment has passed before the hook has ended."""
    real, pauses_s = CtrlC.put_off, [0.1]

    def put_off(ctrl_c):
        real(ctrl_c)
        time.sleep(pauses_s.pop() if pauses_s else 0)

    monkeypatch.setattr(CtrlC, "put_off", put_off)
    with raising_ctrl_c():
        destroyed = [RaisesWhenDestroyed(KeyboardInterrupt)]
        destroyed.clear()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)  # cut off by the exception
    assert capsys.readouterr().err == ""


def test_other_errors_that_a_destructor_swallows_go_to_the_earlier_hook(monkeypatch):
    errors = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: errors.append(raised.exc_type))
    with raising_ctrl_c():
        destroyed = RaisesWhenDestroyed(ValueError)
        del destroyed
    assert errors == [ValueError]


@pytest.mark.parametrize("number", SIGNALS)
def test_while_trials_run_each_signal_counts_as_ctrl_c(number):
    with raising_ctrl_c() as ctrl_c, while_trials_run(ctrl_c):
        with pytest.raises(KeyboardInterrupt):
            send(number)
        assert ctrl_c.pressed


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_that_was_ignored_stays_ignored(number):
    signal.signal(number, signal.SIG_IGN)
    with raising_ctrl_c() as ctrl_c, while_trials_run(ctrl_c):
        os.kill(os.getpid(), number)
        assert signal.getsignal(number) is signal.SIG_IGN
        assert not ctrl_c.pressed


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_all_handlers_are_put_back_however_the_block_ends(error):
    before = installed()
    with (
        pytest.raises(error) if error else nullcontext(),
        raising_ctrl_c() as ctrl_c,
        while_trials_run(ctrl_c),
        TuneInterrupt() as interrupt,
    ):
        interrupt.wrap_handler()
        assert not set(installed()) & set(before)
        if error:
            raise error
    assert installed() == before


def tune_handler(calls):
    """A handler like that of Tune: it notes the signal, and puts back the handler before."""
    earlier = signal.getsignal(signal.SIGINT)

    def handler(*_):
        calls.append("tune")
        signal.signal(signal.SIGINT, earlier)

    return handler


def test_while_tune_runs_a_ctrl_c_is_noted_at_once_and_handed_on_to_tune():
    calls = []
    with raising_ctrl_c() as ctrl_c, TuneInterrupt() as interrupt:
        signal.signal(signal.SIGINT, tune_handler(calls))
        interrupt.wrap_handler()
        assert not interrupt.is_set
        signal.raise_signal(signal.SIGINT)
        assert (interrupt.is_set, calls, ctrl_c.pressed) == (True, ["tune"], False)
        with pytest.raises(KeyboardInterrupt):  # a second one is not for Tune
            signal.raise_signal(signal.SIGINT)
        assert calls == ["tune"]


def test_a_run_is_ended_as_by_ctrl_c_and_only_once():
    calls = []
    with TuneInterrupt() as interrupt:
        signal.signal(signal.SIGINT, tune_handler(calls))
        interrupt.wrap_handler()
        interrupt.end_run()
        interrupt.end_run()
        assert (interrupt.is_set, calls) == (True, ["tune"])


def test_outside_the_main_thread_no_handler_is_touched():
    before = installed()
    failures = []

    def run():
        try:
            with TuneInterrupt() as interrupt:
                interrupt.wrap_handler()
        except ValueError as error:  # of signal.signal
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert failures == []
    assert installed() == before


def test_a_library_may_install_handlers_within_the_block_alone():
    def ours(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, ours)
    before = installed()
    with handlers_put_back():
        signal.signal(signal.SIGTERM, lambda *_: None)
    assert installed() == before


def test_sigterm_to_the_handler_of_a_library_counts_as_ours_and_its_alarm_is_off():
    def ends_the_process(*_):
        signal.alarm(3)
        sys.exit(1)

    def starts_up():
        with handlers_put_back():
            signal.signal(signal.SIGTERM, ends_the_process)
            signal.raise_signal(signal.SIGTERM)

    with raising_ctrl_c(), pytest.raises(KeyboardInterrupt):
        starts_up()
    assert signal.alarm(0) == 0


def test_without_a_handler_of_ours_the_library_ends_the_process():
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    with pytest.raises(SystemExit), handlers_put_back():
        sys.exit(1)


def test_no_signal_breaks_into_what_ends_what_was_begun():
    with raising_ctrl_c() as ctrl_c:
        with signals_ignored():
            for number in SIGNALS:
                signal.raise_signal(number)
        assert not ctrl_c.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_sigterm_counts_where_ctrl_c_is_ignored():
    """As in the background of a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with raising_ctrl_c() as ctrl_c, while_trials_run(ctrl_c), pytest.raises(KeyboardInterrupt):
        send(signal.SIGTERM)


class Pressing(logging.Handler):
    """A handler of logging within which Ctrl-C is pressed; `ended` once it came to its end."""

    ended = False

    def emit(self, record):
        signal.raise_signal(signal.SIGINT)
        self.ended = True


def test_ctrl_c_within_logging_comes_once_that_has_ended():
    log, pressing = logging.Logger("pressed"), Pressing()
    log.addHandler(pressing)
    with raising_ctrl_c() as ctrl_c:
        log.warning("a lock is taken")
        assert pressing.ended
        assert ctrl_c.pressed
        with pytest.raises(KeyboardInterrupt):
            time.sleep(5)


def test_ctrl_c_comes_at_last_though_logging_does_not_end():
    class Stuck(logging.Handler):
        def emit(self, record):
            signal.raise_signal(signal.SIGINT)
            time.sleep(10)

    log = logging.Logger("stuck")
    log.addHandler(Stuck())
    began = time.monotonic()
    with raising_ctrl_c(), pytest.raises(KeyboardInterrupt):
        log.warning("a pipe is full")
    assert time.monotonic() - began < 8
