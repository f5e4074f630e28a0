"""The plan of a sweep."""

import pytest

from sweep.planning.interval import Interval
from sweep.planning.plan import make_plan
from sweep.planning.speed import ScaledSpeed
from tests.sweep.conftest import SPECS
from tests.sweep.planning.conftest import LAPTOP, SERVER, shipped

NAMES = sorted(str(path.relative_to(SPECS).with_suffix("")) for path in SPECS.rglob("*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_spec_has_a_plan_whose_numbers_have_ranges(name):
    plan = make_plan(shipped(name), machine=SERVER, price=2.0)
    assert {"a trial", "time", "CPU-hours", "money", "memory of a worker"} <= {
        r.name for r in plan.rows
    }
    for row in plan.rows:
        assert row.basis
        assert row.interval is not None
        assert 0 <= row.interval.low <= row.interval.value <= row.interval.high
    for part in plan.parts.values():
        assert part.low <= part.value <= part.high
    assert plan.num_trials >= 1


def test_hours_and_money_follow_from_the_time_and_the_slots():
    plan = make_plan(shipped("bert"), machine=SERVER, slots=4, price=3.0)
    hours = plan.row("time").interval.value / 3600
    assert plan.row("accelerator-hours").interval.value == pytest.approx(4 * hours)
    assert plan.row("CPU-hours").interval.value == pytest.approx(4 * hours)
    assert plan.row("money").interval.value == pytest.approx(12 * hours)
    on_cpus = make_plan(shipped("smollm2"), machine=LAPTOP, slots=3, price=0.5)
    hours = on_cpus.row("time").interval.value / 3600
    assert on_cpus.row("money").interval.value == pytest.approx(1.5 * hours)
    assert "accelerator-hours" not in {row.name for row in on_cpus.rows}


def test_more_slots_take_less_time_and_not_fewer_hours():
    one, four = (make_plan(shipped("smollm2"), machine=LAPTOP, slots=n) for n in (1, 4))
    assert four.row("time").interval.value < one.row("time").interval.value / 2
    assert four.row("CPU-hours").interval.value > one.row("CPU-hours").interval.value / 2


def test_no_more_workers_are_started_than_there_are_trials(spec_with):
    few, many = (make_plan(spec_with(), machine=LAPTOP, slots=n) for n in (4, 400))
    assert many.row("CPU-hours").interval == few.row("CPU-hours").interval


def test_recipes_seeds_and_branches_are_counted(spec_with):
    plan = make_plan(
        spec_with(("budget: {trials: 4}", "budget: {trials: 60}\nreplicates: {seeds: 3}")),
        machine=LAPTOP,
    )
    assert (plan.num_trials, plan.num_recipes, plan.num_seeds, plan.num_branches) == (60, 20, 3, 2)
    grid = make_plan(shipped("published/desired_distribution"), machine=SERVER)
    assert (grid.num_trials, grid.num_branches) == (35, 35)


def test_what_was_recorded_takes_the_place_of_what_is_usual():
    def recorded(spec, usual):
        return ScaledSpeed(usual, Interval(9, 10, 11), "9 recorded trials")

    usual = make_plan(shipped("smollm2"), machine=LAPTOP)
    slower = make_plan(shipped("smollm2"), machine=LAPTOP, find_recorded=recorded)
    assert slower.row("a trial").basis == "9 recorded trials"
    ratio = slower.row("a trial").interval.value / usual.row("a trial").interval.value
    assert ratio == pytest.approx(10)


def test_a_model_of_unknown_size_has_no_numbers_but_a_sentence(spec_with):
    plan = make_plan(spec_with(("miniature-llama", "somebody/something")), machine=LAPTOP)
    (row,) = plan.rows
    assert row.interval is None
    assert row.basis == "the size of somebody/something is not known"


def test_what_a_trial_takes_is_listed_by_what_is_searched():
    plan = make_plan(shipped("smollm2"), machine=LAPTOP)
    listed = [(option.key, option.option) for option in plan.options]
    assert listed[:4] == [
        ("objective", "none"), ("objective", "cda"), ("objective", "counterfactual_js"),
        ("objective", "likelihood_gap"),
    ]  # fmt: skip
    seconds = {option.option: option.seconds.value for option in plan.options}
    # Both texts of a pair are read, and one alone to train on.
    assert seconds["likelihood_gap"] > 1.3 * seconds["cda"]
