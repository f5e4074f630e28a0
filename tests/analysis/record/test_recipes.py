"""Replicates as one recipe: means and errors worked out by hand, and by simulation."""

import itertools
import math
from dataclasses import replace

import pandas as pd
import pytest

from analysis.record.recipes import failed_seeds, mean_over_seeds, no_items, recipe_rows
from analysis.record.replicates import OfItems
from tests.analysis.conftest import GAP, RISE
from tests.benchmarks.coverage_recipes import Setting, simulate
from trainables.metrics.bounds import FROM_50
from trainables.metrics.interval import quantile

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store
NAN, MANY = math.nan, math.inf


def test_one_trial_has_the_error_of_its_items():
    assert mean_over_seeds([3.0], [0.5], [7.0]) == (3.0, 0.5, 7.0)
    _, se, df = mean_over_seeds([3.0], [NAN], [MANY])
    assert (math.isnan(se), df) == (True, MANY)


def test_the_error_holds_items_and_seeds_as_worked_out_by_hand():
    # mean of e² = (9 + 16 + 16) / 3; s² = (4 + 0 + 4) / 2 = 4, of which a third.
    value, se, df = mean_over_seeds([8.0, 10.0, 12.0], [3.0, 4.0, 4.0], [9.0, 5.0, 6.0])
    items, seeds = 41 / 3, 4 / 3
    assert value == 10
    assert se**2 == pytest.approx(items + seeds)
    assert df == pytest.approx((items + seeds) ** 2 / (items**2 / 5 + seeds**2 / 2))


def test_the_interval_of_two_seeds_holds_those_of_items_and_of_seeds():
    for errors in ([3.0, 3.0], [0.1, 0.1], [NAN, NAN]):
        _, se, df = mean_over_seeds([8.0, 12.0], errors, [9.0, 9.0])
        items = 0.0 if math.isnan(errors[0]) else quantile(9.0) * errors[0]
        assert quantile(df) * se == pytest.approx(math.hypot(items, quantile(1.0) * 2))


def test_more_seeds_make_no_more_items():
    errors = [mean_over_seeds([10.0] * n, [2.0] * n, [9.0] * n) for n in (1, 2, 50)]
    assert {(se, df) for _, se, df in errors} == {(2.0, 9.0)}


def test_an_exact_number_has_the_error_of_its_seeds_and_none_if_they_agree():
    assert mean_over_seeds([1.0, 3.0], [NAN, NAN], [MANY, MANY]) == (2.0, 1.0, 1.0)
    value, se, df = mean_over_seeds([0.1] * 7, [NAN] * 7, [MANY] * 7)
    assert value == 0.1, "to the last bit"
    assert (math.isnan(se), df) == (True, MANY)


def test_seeds_that_failed_are_counted_unless_a_retry_is_complete():
    rows = [("a", 0, "complete"), ("a", 1, "failed"), ("a", 2, "failed"), ("a", 2, "failed")]
    rows += [("b", 0, "failed"), ("b", 0, "complete"), ("b", 1, "pruned"), ("", 3, "failed")]
    trials = pd.DataFrame(rows, columns=["recipe", "seed", "state"])
    assert failed_seeds(trials) == {"a": 2}
    assert failed_seeds(trials.drop(columns="seed")) == {}
    assert failed_seeds(trials[:0]) == {}


@pytest.mark.parametrize(
    ("errors", "df"),
    [([1.0, NAN], [5.0, 0.0]), ([NAN, NAN], [0.0, 0.0]), ([1.0, NAN], [MANY, MANY])],
)
def test_what_is_not_known_of_one_replicate_is_not_known_of_the_recipe(errors, df):
    _, se, mean_df = mean_over_seeds([1.0, 2.0], errors, df)
    assert math.isnan(se)
    assert mean_df == 0


def test_the_order_of_replicates_does_not_matter():
    values = [0.1, 0.7, 1e-3, 12.3]
    means = {
        mean_over_seeds(list(order), [NAN] * 4, [MANY] * 4).value
        for order in itertools.permutations(values)
    }
    assert len(means) == 1


def test_with_items_the_error_is_that_worked_out_by_hand():
    one = OfItems(8.0, 4.0)
    value, se, df = mean_over_seeds([10.0, 18.0, 14.0], [2.0, 3.0, 4.0], [9.0, 5.0, 6.0], one)
    assert value == 14
    assert se**2 == pytest.approx(8 + (16 - 4) / 3), "s² = (16 + 16 + 0) / 2 = 16"
    assert df == pytest.approx((8 + 4) ** 2 / (8**2 / 5 + (16 / 3) ** 2 / 2))
    _, se, df = mean_over_seeds([14.0, 14.0, 14.0], [2.0, 3.0, 4.0], [9.0, 5.0, 6.0], one)
    assert (se**2, df) == pytest.approx((8.0, 5.0)), "seeds spread less than their items do alone"


def test_what_items_say_does_not_count_for_two_or_where_an_error_is_not_known():
    of_items = OfItems(8.0, 4.0)
    assert mean_over_seeds([1.0, 2.0, 3.0], [1.0, 1.0, NAN], [5.0, 5.0, 0.0], of_items)[2] == 0
    exact = mean_over_seeds([1.0, 2.0, 3.0], [NAN] * 3, [MANY] * 3, of_items)
    assert exact == (2.0, math.sqrt(1 / 3), 2.0)
    two = [1.0, 3.0], [2.0, 2.0], [9.0, 9.0]
    assert mean_over_seeds(*two, of_items) == mean_over_seeds(*two)


@pytest.mark.parametrize("anew", [0.0, 1.0])
@pytest.mark.parametrize("effect", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("num_seeds", [2, 3, 6])
def test_intervals_hold_the_true_value_of_a_recipe_as_often_as_they_say(num_seeds, effect, anew):
    """Over all terms, items and seeds, which decide no items anew, or all of them."""
    setting = Setting(num_seeds, 10, effect, anew, is_decision=False)
    with_items, without = simulate(setting, 400)
    assert 0.92 <= with_items.held <= (0.98 if num_seeds > 2 else 1.0)
    assert without.held >= 0.92
    if effect == 0:
        assert with_items.half_width <= without.half_width * 1.001


def test_without_items_intervals_are_too_wide_where_seeds_decide_items_anew():
    with_items, without = simulate(Setting(6, 10, 0.0, 1.0, is_decision=False), 300)
    assert with_items.half_width < 0.5 * without.half_width
    assert without.held > 0.99


@pytest.mark.parametrize("gap", [0.0, 5.0])
@pytest.mark.parametrize("num_seeds", [3, 10])
def test_intervals_hold_the_true_gap_also_near_0(num_seeds, gap):
    """What items say of gaps to either side of 50 would hold a true gap of 0 with ten seeds in 70 %."""
    with_items, _ = simulate(Setting(num_seeds, 10, 0.0, 0.5, gap=gap), 200)
    assert with_items.held >= 0.94


def test_what_items_say_does_not_count_at_an_end_of_the_possible_values():
    gaps = ([9.0, 10.0, 2.0], [2.0] * 3, [9.0] * 3)
    of_items = OfItems(1.0, 0.5)
    assert mean_over_seeds(*gaps, of_items, FROM_50) == mean_over_seeds(*gaps)
    assert mean_over_seeds(*gaps, of_items, (-50.0, 50.0)) == mean_over_seeds(*gaps, of_items)
    above = ([9.0, 10.0, 8.0], *gaps[1:])
    assert mean_over_seeds(*above, of_items, FROM_50) == mean_over_seeds(*above, of_items)


def test_a_seed_that_was_run_again_is_no_further_replicate(seeds):
    """Its model is the same, so it would only make the error smaller than it is."""
    trials = seeds.trials.copy()
    trials.loc[trials["trial"] == 8, "seed"] = 1  # as trial 5, of the same recipe
    repeated = replace(seeds, trials=trials)
    rows = repeated.candidates().set_index("trial")
    assert rows.loc[2, "trials"] == (2, 5)
    assert rows["repeats"].tolist() == [(8,) if number == 2 else () for number in rows.index]
    trials.loc[trials["trial"] == 7, "seed"] = 0  # as trial 1, of the recipe that is on the front
    repeated = replace(seeds, trials=trials)
    assert repeated.front()["trials"].tolist() == [(1,), (0, 3)]
    assert repeated.trials_on_front() == [1, 0, 3, 7]
    assert rows.loc[2, "replicates"] == 2
    assert rows.loc[2, GAP.name] == 7.0


def test_three_recipes_of_three_seeds_are_three_rows_with_means_by_hand(seeds):
    rows = seeds.candidates().set_index("trial")
    complete = rows[rows["state"] == "complete"]
    assert complete.index.tolist() == [0, 1, 2]
    assert complete["trials"].tolist() == [(0, 3), (1, 7), (2, 5, 8)]
    assert complete["replicates"].tolist() == [2, 2, 3]
    assert complete[GAP.name].tolist() == [10, 6, 8]
    assert complete[f"se/{GAP.name}"].tolist() == pytest.approx(
        [math.sqrt(1 + 2 / 2), math.sqrt(1 + 2 / 2), math.sqrt(1 + 4 / 3)]
    )
    assert complete[f"df/{GAP.name}"].tolist() == pytest.approx(
        [
            *[mean_over_seeds([9.0, 11.0], [1.0] * 2, [4.0] * 2).df] * 2,
            (7 / 3) ** 2 / (1 / 4 + (4 / 3) ** 2 / 2),
        ]
    )
    assert complete[RISE.name].tolist() == [0.1, 0.2, 0.3]
    assert f"se/{RISE.name}" not in rows or complete[f"se/{RISE.name}"].isna().all(), "it is exact"
    assert complete["run_id"].tolist() == seeds.trials["run_id"][:3].tolist()
    assert complete["seed"].tolist() == [None] * 3
    assert rows.loc[4, ["state", "replicates", "seed"]].tolist() == ["pruned", 1, 1]


def test_trials_without_replicates_are_left_as_they_are(hand):
    alone = recipe_rows(hand.rows, hand.metric_names)
    pd.testing.assert_frame_equal(alone[hand.rows.columns], hand.rows)
    assert alone["trials"].tolist() == [(number,) for number in hand.rows["trial"]]


def test_the_front_is_that_of_the_means_and_marks_every_replicate(seeds):
    assert seeds.front()["trial"].tolist() == [1, 0], "seed 1 of dpo alone would be on it"
    assert seeds.trials_on_front() == [1, 7, 0, 3]
    # In shares of the worst: (0.12, 0.2), (0.2, 0.1) and the base model at (0.24, 0).
    by_hand = 0.08 * 0.8 + 0.04 * 0.9 + 0.76
    assert seeds.hypervolume() == pytest.approx(by_hand)


def test_the_seed_is_no_part_of_a_recipe(seeds):
    searched = replace(seeds, searched=[*seeds.searched, "seed"])
    assert "seed" in searched.params
    assert "seed" not in searched.swept


def test_the_front_takes_the_items_of_replicates_at_each_alpha_as_recorded(seeds):
    """Only of recipes with three replicates or more, and only where their errors are known."""
    asked = []

    def items_of(run_ids):
        asked.append(run_ids)
        return {GAP.name: OfItems(0.5, 0.25), f"fusion/0.5/{GAP.name}": OfItems(9.0, 0.0)}

    rows = replace(seeds, items_of=items_of).candidates().set_index("trial")
    runs = seeds.trials.set_index("trial")["run_id"]
    assert asked == [[runs[2], runs[5], runs[8]]]
    errors = rows[f"se/{GAP.name}"]
    assert errors[2] ** 2 == pytest.approx(0.5 + (4 - 0.25) / 3)
    assert errors[0] ** 2 == pytest.approx(1 + 2 / 2)
    own = seeds.rows[seeds.rows["trial"].isin([2, 5, 8])]
    at_half = recipe_rows(own.assign(alpha=0.5), [GAP.name], items_of)
    assert at_half[f"se/{GAP.name}"].tolist() == pytest.approx([math.sqrt(9 + 4 / 3)])


def test_a_front_whose_store_has_no_items_is_that_without_items(seeds):
    bare = replace(seeds, items_of=no_items).candidates()
    pd.testing.assert_frame_equal(seeds.candidates(), bare)
