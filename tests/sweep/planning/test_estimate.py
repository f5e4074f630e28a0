"""The numbers of a plan: hours that end a sweep, and schedulers that end trials."""

from typing import ClassVar, Literal

import pytest

from sweep.planning.estimate import Estimate
from sweep.planning.plan import make_plan
from sweep.planning.slots import Slots
from sweep.planning.speed import usual_speed
from sweep.planning.work.drawn import drawn_trials
from sweep.planning.work.shapes import CATALOGUED
from sweep.planning.work.trial_work import work_of
from sweep.schedulers.base import Scheduler
from tests.sweep.planning.conftest import LAPTOP, shipped


class Halving(Scheduler):
    """A scheduler that may end trials, which no spec can name."""

    families: ClassVar[tuple[str, ...]] = ()
    name: Literal["halving"] = "halving"

    def build(self, goals):
        """Return nothing: no trial runs here."""


def estimate_of(spec) -> Estimate:
    """Return the estimate of a spec, by usual speeds, with two trials at once."""
    drawn = drawn_trials(spec)
    shape = CATALOGUED[drawn[0].model.path]
    speed = usual_speed(shape, is_gpu=False, num_cores=1, dtype="fp32")
    works = [(trial, work_of(trial, shape)) for trial in drawn]
    return Estimate(spec, shape, speed, Slots(2, "--slots", 2), works)


def test_hours_end_a_sweep_with_the_trials_that_run_then(spec_with):
    spec = shipped("smollm2")
    short = spec.model_copy(update={"budget": spec.budget.model_copy(update={"hours": 0.5})})
    assert estimate_of(spec).wall().value > 3600
    longest = max(work[1].num_steps for work in estimate_of(short).works)
    assert longest == 50
    assert (
        1800 <= estimate_of(short).wall().value <= 1800 + estimate_of(short).mean_trial().high * 2
    )
    assert any("budget.hours (0.5) may end it" in n for n in make_plan(short, machine=LAPTOP).notes)


def test_a_scheduler_may_end_all_trials_at_their_first_report_or_none():
    spec = shipped("miniature")
    ending = spec.model_copy(update={"scheduler": Halving()})
    whole, early = estimate_of(spec).wall(), estimate_of(ending).wall()
    assert early.low < whole.low
    assert early.high == whole.high
    assert early.low < early.value < whole.value
    assert any("halving may end trials early" in n for n in make_plan(ending, machine=LAPTOP).notes)


def test_what_is_done_once_may_be_done_already():
    once = estimate_of(shipped("smollm2")).parts()["once"]
    assert once.low == 0
    assert once.value > 0


def test_disk_has_a_row_for_each_kind_of_file():
    spec = shipped("smollm2")
    kept = spec.checkpoints.model_copy(update={"model": True, "resume": True})
    rows = estimate_of(spec.model_copy(update={"checkpoints": kept})).rows(None)
    disk = [row.name for row in rows if row.unit == "bytes" and row.name.startswith("disk")]
    assert disk == ["disk, checkpoints", "disk, models", "disk, record", "disk, cache"]
    models = next(row for row in rows if row.name == "disk, models")
    assert models.interval.value == pytest.approx(24 * 4 * 134_515_008)
