"""The time left of a sweep, by a clock that the tests set."""

import pytest

from sweep.display.pace import MOST_BY_CLOCK, Pace


class Clock:
    """Seconds that pass as a test says."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace(clock):
    return Pace(clock)


def complete_first(pace: Pace, clock: Clock, seconds: float) -> None:
    """Have the first trial complete after so many seconds."""
    pace.start("0000")
    clock.now += seconds
    pace.end("0000", is_complete=True)


def test_nothing_is_known_before_a_trial_has_done_anything(pace, clock):
    assert pace.left_s(4) is None
    assert not pace.has_begun
    pace.start("0000")
    clock.now += 60
    assert pace.has_begun
    assert pace.left_s(4) is None


def test_reported_steps_count_before_a_trial_has_ended(pace, clock):
    pace.start("0000")
    clock.now += 30
    pace.report("0000", 0.5)
    # A trial takes 60 s, and 3.5 are left.
    assert pace.left_s(4) == pytest.approx(210)


def test_trials_side_by_side_that_report_at_their_ends_alone_halve_the_time(pace, clock):
    pace.start("0000")
    pace.start("0001")
    clock.now += 100
    pace.end("0000", is_complete=True)
    pace.start("0002")
    # In 100 s one trial has ended, and another is as good as done, so 23 - 0.95 are left of 24.
    assert pace.left_s(23) == pytest.approx(100 / 1.95 * (23 - MOST_BY_CLOCK))
    pace.end("0001", is_complete=True)
    clock.now += 50
    # 2 and a half in 150 s.
    assert pace.left_s(22) == pytest.approx(150 / 2.5 * 21.5)


def test_a_trial_that_is_tried_again_has_nothing_done(pace, clock):
    complete_first(pace, clock, 100)
    pace.start("0001")
    clock.now += 50
    pace.report("0001", 0.7)
    pace.start("0001")
    assert pace.left_s(3) == pytest.approx(150 * 3)
    assert pace.reported == {"0001": 0.0}


def test_what_a_trial_has_reported_counts_before_the_clock(pace, clock):
    complete_first(pace, clock, 100)
    pace.start("0001")
    clock.now += 200
    pace.report("0001", 0.2)
    # It takes 1000 s, and not the 100 s of the first one: 1.2 in 300 s, of which 0.8 are left.
    assert pace.left_s(1) == pytest.approx(300 / 1.2 * 0.8)


def test_trials_that_fail_at_once_say_nothing_of_how_long_others_take(pace, clock):
    for name in ("0000", "0001"):
        pace.start(name)
        clock.now += 0.1
        pace.end(name, is_complete=False)
    pace.start("0002")
    clock.now += 60
    pace.report("0002", 0.5)
    assert pace.left_s(1) == pytest.approx(60.2 / 2.5 * 0.5)
    pace.report("0002", 0.0)
    assert pace.left_s(1) == pytest.approx(60.2 / 2)


def test_the_end_of_a_trial_that_never_began_is_none_of_a_duration(pace, clock):
    pace.end("0000", is_complete=True)
    pace.start("0001")
    clock.now += 60
    assert pace.left_s(2) == pytest.approx(60 * 2)
