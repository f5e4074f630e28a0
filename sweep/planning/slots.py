"""How many trials run at once, and how long all of them take together."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from itertools import cycle, islice
from statistics import fmean
from typing import TYPE_CHECKING, NamedTuple

from sweep.planning.interval import Interval

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.planning.machine import Machine

MAX_SCHEDULED = 5_000  # trials that are put on slots one by one
LEARNS_NOTHING = ("random", "grid")  # samplers that do not choose by earlier results
QUARTER = 4


class Slots(NamedTuple):
    """How many trials run at once.

    Attributes:
        num: of the sweep.
        source: what says so.
        here: how many of them fit on this machine.
    """

    num: int
    source: str
    here: int


def slots_of(
    spec: SweepSpec, machine: Machine, given: int | None = None, cap: int | None = None
) -> Slots:
    """Return the slots of a sweep: those given, those of the spec, or as many as fit here.

    cap: the most that there may be; None: no limit.
    """
    slots = _slots_without_cap(spec, machine, given)
    if cap is None or cap >= slots.num:
        return slots
    return Slots(cap, "--cap", min(cap, slots.here))


def _slots_without_cap(spec: SweepSpec, machine: Machine, given: int | None) -> Slots:
    """Return what `slots_of` does where nothing limits them."""
    resources, room = spec.resources, machine.room(spec.resources)
    if given:
        return Slots(given, "--slots", min(given, room))
    if resources.at_once:
        return Slots(resources.at_once, "resources.at_once", min(resources.at_once, room))
    return Slots(max(1, room), "as many as fit here" if room else "none fits here", room)


def time_on_slots(seconds: Sequence[float], num_slots: int) -> float:
    """Return when the last of some trials ends, each put on the slot that is free first.

    >>> time_on_slots([3, 1, 1, 1], num_slots=2)
    3.0
    """
    free_at = [0.0] * min(num_slots, max(1, len(seconds)))
    for duration in seconds:
        heapq.heapreplace(free_at, free_at[0] + duration)
    return float(max(free_at))


def time_of_trials(
    drawn: Sequence[Interval], num_trials: int, num_slots: int, sampler: str
) -> Interval:
    """Return the seconds of all trials of a sweep together, from the first to the last.

    A sampler that learns may stay where trials are cheap, or where they are dear: the range is from the
    mean of the cheapest quarter of drawn trials to that of the dearest.

    Args:
        drawn: seconds of trials as they would be drawn at random, or of the points of a grid.
        num_trials, num_slots: of the sweep.
        sampler: its name.
    """
    value = _all_of([each.value for each in drawn], num_trials, num_slots)
    if sampler in LEARNS_NOTHING:
        low = _all_of([each.low for each in drawn], num_trials, num_slots)
        high = _all_of([each.high for each in drawn], num_trials, num_slots)
        return Interval(low, value, high)
    lowest = sorted(each.low for each in drawn)[: -(-len(drawn) // QUARTER)]
    highest = sorted(each.high for each in drawn)[-(-len(drawn) // QUARTER) * -1 :]
    low = _all_of([fmean(lowest)], num_trials, num_slots)
    high = _all_of([fmean(highest)], num_trials, num_slots)
    return Interval(min(low, value), value, max(high, value))


def _all_of(seconds: Sequence[float], num_trials: int, num_slots: int) -> float:
    """Return the time of so many trials, whose seconds are these in turn."""
    if num_trials > MAX_SCHEDULED:
        return fmean(seconds) * num_trials / num_slots
    return time_on_slots(list(islice(cycle(seconds), num_trials)), num_slots)
