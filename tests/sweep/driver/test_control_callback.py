"""Requests and errors end a run or a trial; the callback is called as Tune would, without a cluster."""

import signal
from types import SimpleNamespace

import pytest

from sweep.driver.control_callback import ControlCallback, OutcomeNotKept
from sweep.driver.interrupts import TuneInterrupt
from sweep.driver.listener import Listener
from sweep.tracking.control_requests import Requests
from sweep.trial_request import TrialRequest


@pytest.fixture
def callback():
    """The callback of a driver without requests, whose Ctrl-C only sets the interrupt."""
    with TuneInterrupt() as interrupt:
        signal.signal(signal.SIGINT, lambda *_: None)
        callback = ControlCallback(Listener(SimpleNamespace()), interrupt)
        callback.setup()
        yield callback


def test_the_search_gets_the_requests_of_users(callback):
    callback.listener.requests = Requests("pause", retried_trials=frozenset([2]))
    assert callback.requests() == Requests("pause", retried_trials=frozenset([2]))


def test_ctrl_c_is_a_cancel_for_the_search(callback):
    callback.listener.requests = Requests("pause", retried_trials=frozenset([2]))
    signal.raise_signal(signal.SIGINT)
    assert callback.requests() == Requests("cancel", retried_trials=frozenset([2]))


def test_a_cancelled_run_is_ended_between_two_steps(callback):
    callback.on_step_begin(0, [])
    assert not callback.interrupt.is_set
    callback.listener.requests = Requests("cancel")
    callback.on_step_begin(1, [])
    assert callback.interrupt.is_set


def test_an_outcome_that_cannot_be_saved_ends_the_run_with_the_first_reason(callback):
    first = OSError(5, "Input/output error")
    callback.stop_for(first)
    callback.stop_for(ValueError("a later one"))
    assert callback.requests().request == "cancel"
    sentence = (
        r"the outcome of a trial could not be saved \(OSError: \[Errno 5\] Input/output error\)"
    )
    with pytest.raises(OutcomeNotKept, match=sentence) as raised:
        callback.on_step_begin(0, [])
    assert raised.value.__cause__ is first


def test_a_trial_that_is_cancelled_before_it_has_a_process_is_left_to_get_one(callback):
    callback.listener.requests = Requests(cancelled_trials=frozenset([7]))
    state = SimpleNamespace(ray_actor=None)
    trial = SimpleNamespace(
        config=TrialRequest(7, {}).to_config(), temporary_state=state, max_failures=3
    )
    callback.on_step_begin(0, [trial])
    assert trial.max_failures == 3
