"""Replicates as one recipe: means and errors worked out by hand, and by simulation."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.record.recipes import failed_seeds, pool, pool_rows
from tests.analysis.conftest import GAP, RISE
from trainables.metrics.interval import quantile

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store
NAN = math.nan


def test_one_trial_has_the_error_of_its_items():
    assert pool([3.0], [0.5], [7.0]) == (3.0, 0.5, 7.0)
    assert np.isnan(pool([3.0], [NAN], [NAN])[1:]).all()


def test_the_error_holds_items_and_seeds_as_worked_out_by_hand():
    # mean of e² = (9 + 16 + 16) / 3; s² = (4 + 0 + 4) / 2 = 4, of which a third.
    value, se, df = pool([8.0, 10.0, 12.0], [3.0, 4.0, 4.0], [9.0, 5.0, 6.0])
    items, seeds = 41 / 3, 4 / 3
    assert value == 10
    assert se**2 == pytest.approx(items + seeds)
    assert df == pytest.approx((items + seeds) ** 2 / (items**2 / 5 + seeds**2 / 2))


def test_the_interval_of_two_seeds_holds_those_of_items_and_of_seeds():
    for errors in ([3.0, 3.0], [0.1, 0.1], [NAN, NAN]):
        _, se, df = pool([8.0, 12.0], errors, [9.0, 9.0])
        items = 0.0 if math.isnan(errors[0]) else quantile(9.0) * errors[0]
        assert quantile(df) * se == pytest.approx(math.hypot(items, quantile(1.0) * 2))


def test_more_seeds_make_no_more_items():
    errors = [pool([10.0] * n, [2.0] * n, [9.0] * n) for n in (1, 2, 50)]
    assert {(se, df) for _, se, df in errors} == {(2.0, 9.0)}


def test_an_exact_number_has_the_error_of_its_seeds_and_none_if_they_agree():
    assert pool([1.0, 3.0], [NAN, NAN], [NAN, NAN]) == (2.0, 1.0, 1.0)
    value, *rest = pool([0.1] * 7, [NAN] * 7, [NAN] * 7)
    assert value == 0.1, "to the last bit"
    assert np.isnan(rest).all()


def test_seeds_that_failed_are_counted_unless_a_retry_is_complete():
    rows = [("a", 0, "complete"), ("a", 1, "failed"), ("a", 2, "failed"), ("a", 2, "failed")]
    rows += [("b", 0, "failed"), ("b", 0, "complete"), ("b", 1, "pruned"), ("", 3, "failed")]
    trials = pd.DataFrame(rows, columns=["recipe", "seed", "state"])
    assert failed_seeds(trials) == {"a": 2}
    assert failed_seeds(trials.drop(columns="seed")) == {}
    assert failed_seeds(trials[:0]) == {}


@pytest.mark.parametrize(
    ("errors", "df"), [([1.0, NAN], [5.0, 0.0]), ([NAN, NAN], [0.0, 0.0]), ([1.0, NAN], [NAN, NAN])]
)
def test_what_is_not_known_of_one_replicate_is_not_known_of_the_recipe(errors, df):
    _, se, pooled_df = pool([1.0, 2.0], errors, df)
    assert math.isnan(se)
    assert pooled_df == 0


def test_the_order_of_replicates_does_not_matter():
    values = [0.1, 0.7, 1e-3, 12.3]
    means = {pool(list(order), [NAN] * 4, [NAN] * 4) for order in itertools.permutations(values)}
    assert len({mean for mean, *_ in means}) == 1


@pytest.mark.parametrize("spread", [0.0, 0.3, 3.0])
@pytest.mark.parametrize("num_seeds", [2, 3, 6])
def test_intervals_hold_the_true_value_of_a_recipe_as_often_as_they_say(num_seeds, spread):
    """Items are drawn anew, and seeds: the true value is that over all items and seeds.

    An outcome is b_i + a_r + e_ri, with standard deviations 1, `spread`/√10 and 1 over 20 items.
    """
    rng = np.random.default_rng(0)
    num_runs, num_items, hits = 1500, 20, 0
    for _ in range(num_runs):
        items = rng.normal(size=num_items)
        seeds = rng.normal(size=(num_seeds, 1)) * spread / math.sqrt(10)
        outcomes = items + seeds + rng.normal(size=(num_seeds, num_items))
        errors = outcomes.std(axis=1, ddof=1) / math.sqrt(num_items)
        df = [num_items - 1.0] * num_seeds
        value, se, pooled_df = pool(outcomes.mean(axis=1).tolist(), errors.tolist(), df)
        hits += abs(value) <= quantile(pooled_df) * se
    assert 0.92 <= hits / num_runs <= 0.999


def test_a_seed_that_was_run_again_is_no_further_replicate(seeds):
    """Its model is the same, so it would only make the error smaller than it is."""
    trials = seeds.trials.copy()
    trials.loc[trials["trial"] == 8, "seed"] = 1  # as trial 5, of the same recipe
    rows = replace(seeds, trials=trials).candidates().set_index("trial")
    assert rows.loc[2, "trials"] == "2 5"
    assert rows.loc[2, "replicates"] == 2
    assert rows.loc[2, GAP.name] == 7.0


def test_three_recipes_of_three_seeds_are_three_rows_with_means_by_hand(seeds):
    rows = seeds.candidates().set_index("trial")
    complete = rows[rows["state"] == "complete"]
    assert complete.index.tolist() == [0, 1, 2]
    assert complete["trials"].tolist() == ["0 3", "1 7", "2 5 8"]
    assert complete["replicates"].tolist() == [2, 2, 3]
    assert complete[GAP.name].tolist() == [10, 6, 8]
    assert complete[f"se/{GAP.name}"].tolist() == pytest.approx(
        [math.sqrt(1 + 2 / 2), math.sqrt(1 + 2 / 2), math.sqrt(1 + 4 / 3)]
    )
    assert complete[f"df/{GAP.name}"].tolist() == pytest.approx(
        [
            *[pool([9.0, 11.0], [1.0] * 2, [4.0] * 2).df] * 2,
            (7 / 3) ** 2 / (1 / 4 + (4 / 3) ** 2 / 2),
        ]
    )
    assert complete[RISE.name].tolist() == [0.1, 0.2, 0.3]
    assert f"se/{RISE.name}" not in rows or complete[f"se/{RISE.name}"].isna().all(), "it is exact"
    assert complete["run_id"].tolist() == seeds.trials["run_id"][:3].tolist()
    assert complete["seed"].tolist() == [None] * 3
    assert rows.loc[4, ["state", "replicates", "seed"]].tolist() == ["pruned", 1, 1]


def test_trials_without_replicates_are_left_as_they_are(hand):
    pooled = pool_rows(hand.rows, hand.metric_names)
    pd.testing.assert_frame_equal(pooled[hand.rows.columns], hand.rows)
    assert pooled["trials"].tolist() == [str(number) for number in hand.rows["trial"]]


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
