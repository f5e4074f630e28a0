"""From a signal to KeyboardInterrupt: what is heard, what is swallowed, what is put back."""

import os
import signal
import sys
import threading
import time
from contextlib import nullcontext

import pytest

from sweep.driver.interrupts import TuneInterrupt, before_trials, while_trials_run

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture(autouse=True)
def handlers():
    """Those of a process that was started from a terminal; nothing of them outlives a test."""
    before = {each: signal.getsignal(each) for each in ALL}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


def installed():
    return [*map(signal.getsignal, ALL), sys.unraisablehook]


def send(which):
    os.kill(os.getpid(), which)
    time.sleep(5)  # cut off by whatever the handler raises


class RaisesWhenDestroyed:
    def __init__(self, error):
        self._error = error

    def __del__(self):
        if self._error is KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
        raise self._error


def test_ctrl_c_raises_and_is_remembered():
    with before_trials() as ctrl_c:
        assert not ctrl_c.pressed
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        assert ctrl_c.pressed


def test_one_that_a_destructor_swallows_is_raised_as_trials_begin(capsys):
    with before_trials() as ctrl_c:
        destroyed = RaisesWhenDestroyed(KeyboardInterrupt)
        del destroyed
        assert capsys.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt), while_trials_run(ctrl_c):
            pytest.fail("trials have begun")


def test_other_errors_that_a_destructor_swallows_are_told_as_ever(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: told.append(raised.exc_type))
    with before_trials():
        destroyed = RaisesWhenDestroyed(ValueError)
        del destroyed
    assert told == [ValueError]


@pytest.mark.parametrize("which", ALL)
def test_while_trials_run_each_of_them_is_a_ctrl_c(which):
    with before_trials() as ctrl_c, while_trials_run(ctrl_c):
        with pytest.raises(KeyboardInterrupt):
            send(which)
        assert ctrl_c.pressed


@pytest.mark.parametrize("which", ALL)
def test_one_that_was_ignored_stays_ignored(which):
    signal.signal(which, signal.SIG_IGN)
    with before_trials() as ctrl_c, while_trials_run(ctrl_c):
        os.kill(os.getpid(), which)
        assert signal.getsignal(which) is signal.SIG_IGN
        assert not ctrl_c.pressed


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_all_handlers_are_put_back_however_it_ends(error):
    before = installed()
    with (
        pytest.raises(error) if error else nullcontext(),
        before_trials() as ctrl_c,
        while_trials_run(ctrl_c),
        TuneInterrupt() as interrupt,
    ):
        interrupt.wrap_handler()
        assert not set(installed()) & set(before)
        if error:
            raise error
    assert installed() == before


def tune_handler(heard):
    """As Tune installs its own: it notes the signal, and gives way to the one before."""
    earlier = signal.getsignal(signal.SIGINT)

    def handler(*_):
        heard.append("tune")
        signal.signal(signal.SIGINT, earlier)

    return handler


def test_while_tune_runs_it_is_heard_at_once_and_handed_on_to_tune():
    heard = []
    with before_trials() as ctrl_c, TuneInterrupt() as interrupt:
        signal.signal(signal.SIGINT, tune_handler(heard))
        interrupt.wrap_handler()
        assert not interrupt.is_set
        signal.raise_signal(signal.SIGINT)
        assert (interrupt.is_set, heard, ctrl_c.pressed) == (True, ["tune"], False)
        with pytest.raises(KeyboardInterrupt):  # a second one is not for Tune
            signal.raise_signal(signal.SIGINT)
        assert heard == ["tune"]


def test_a_run_is_ended_as_by_ctrl_c_and_only_once():
    heard = []
    with TuneInterrupt() as interrupt:
        signal.signal(signal.SIGINT, tune_handler(heard))
        interrupt.wrap_handler()
        interrupt.end_run()
        interrupt.end_run()
        assert (interrupt.is_set, heard) == (True, ["tune"])


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
