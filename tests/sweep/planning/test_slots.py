"""How many trials run at once, and how long all take together."""

import pytest

from sweep.planning.interval import Interval
from sweep.planning.slots import MAX_SCHEDULED, slots_of, time_of_trials, time_on_slots
from tests.sweep.planning.conftest import LAPTOP, SERVER


@pytest.mark.parametrize(
    ("seconds", "slots", "time"),
    [([5] * 4, 2, 10), ([5] * 5, 2, 15), ([5], 8, 5), ([3, 1, 1, 1], 2, 3), ([1, 1, 4], 2, 5), ([], 2, 0)],
)  # fmt: skip
def test_a_trial_goes_to_the_slot_that_is_free_first(seconds, slots, time):
    assert time_on_slots(seconds, slots) == time


def test_a_sampler_that_learns_may_stay_where_trials_are_cheap_or_dear():
    drawn = [Interval.exactly(n) for n in (1, 1, 2, 4, 6, 8, 10, 12)]
    at_random = time_of_trials(drawn, 8, 1, "random")
    assert at_random == Interval(44, 44, 44)
    assert time_of_trials(drawn, 8, 1, "tpe") == Interval(8, 44, 88)


def test_very_many_trials_take_their_mean_time():
    drawn = [Interval(1, 2, 4), Interval(3, 4, 8)]
    time = time_of_trials(drawn, 10 * MAX_SCHEDULED, 10, "grid")
    assert time == Interval(2 * MAX_SCHEDULED, 3 * MAX_SCHEDULED, 6 * MAX_SCHEDULED)


def test_slots_are_those_given_else_those_of_the_spec_else_as_many_as_fit(spec_with):
    one, free = spec_with(), spec_with(("resources: {at_once: 1}\n", ""))
    assert slots_of(one, LAPTOP) == (1, "resources.at_once", 1)
    assert slots_of(one, LAPTOP, 9) == (9, "--slots", 4)
    assert slots_of(one, LAPTOP, cap=9) == (1, "resources.at_once", 1)
    assert slots_of(free, LAPTOP, cap=3) == (3, "--cap", 3)
    assert slots_of(free, LAPTOP, cap=9)[::2] == (4, 4), "a cap is no target"
    assert slots_of(free, LAPTOP)[::2] == (4, 4)
    assert slots_of(spec_with(("at_once: 1", "gpus_per_trial: 1")), SERVER)[::2] == (2, 2)
    assert slots_of(spec_with(("at_once: 1", "gpus_per_trial: 1")), LAPTOP)[::2] == (1, 0)
