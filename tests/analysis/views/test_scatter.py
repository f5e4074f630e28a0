"""Points, axes and colours of the pictures of a front."""

import math
from dataclasses import replace

import pytest
from scipy import stats

from analysis.views.scatter import scatter_of
from trainables.metrics.interval import UNKNOWN_DF

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_the_staircase_joins_the_front_worked_out_by_hand(hand):
    scatter = scatter_of(hand)
    [(x, y)] = scatter.panels
    steps = list(zip(*scatter.staircase(x, y), strict=True))
    corners = [(1.5, 0.3), (2, 0.3), (2, 0.2), (6, 0.2), (6, 0.05), (6, 0.05), (6, 0.05)]
    corners += [(10, 0.05), (10, 0.01), (12, 0.01), (12, 0)]  # the last is the base model
    assert steps == [(1.5, y.worse), *corners, (x.worse, 0)]
    assert (x.worse, y.worse) == (x.limits[1], y.limits[1])


def test_the_bad_end_of_a_goal_that_is_better_higher_is_below(three):
    accuracy = scatter_of(three).panels[-1][1]
    assert accuracy.label == "piqa accuracy (share)\nhigher is better →"
    assert accuracy.worse == accuracy.limits[0]


def test_a_goal_that_is_better_nearer_is_drawn_as_its_distance(three):
    score = scatter_of(three).panels[0][0]
    assert score.label == "distance of crows pairs score from 50\n(percent)\n← lower is better"
    assert score.base == 12
    assert score.values.tolist() == (three.trials["bias/crows_pairs/score"] - 50).abs().tolist()


def test_a_ruined_trial_does_not_squeeze_the_others_and_is_counted(hand):
    trials = hand.trials.copy()
    trials.loc[trials["trial"] == 9, RISE] = 40.0
    scatter = scatter_of(replace(hand, trials=trials))
    [(x, y)] = scatter.panels
    assert y.limits[1] < 1
    assert scatter.labels(x, y)[0].endswith("(1 candidate lies beyond these axes)")
    assert scatter.labels(*scatter_of(hand).panels[0])[0].endswith("lower is better")


def test_trials_at_one_place_share_one_number(hand):
    scatter = scatter_of(hand)
    texts = [text.words for text in scatter.numbers(*scatter.panels[0])]
    assert texts == ["12", "3", "2, 4", "1"]


def test_colours_and_shapes_follow_the_names_not_the_order_of_the_trials(three):
    backwards = replace(three, trials=three.trials[::-1])
    assert scatter_of(backwards).colours == scatter_of(three).colours
    assert list(scatter_of(three).colours) == ["cda", "dpo", "likelihood_gap"]
    assert scatter_of(three).shapes["kl_to_base"] == "o"


def test_bars_are_half_the_interval_and_what_is_not_known_has_none(seeds):
    scatter = scatter_of(seeds)
    [(x, y)] = scatter.panels
    rows = seeds.candidates()
    assert scatter.points["label"].tolist() == ["0 ×2", "1 ×2", "2 ×3"]
    assert scatter.points["name"].tolist() == ["0", "1", "2"]
    for index in scatter.points.index:
        df, se = rows.loc[index, f"df/{GAP}"], rows.loc[index, f"se/{GAP}"]
        half = stats.t.ppf(0.975, df) * se
        assert x.bars.loc[index].tolist() == pytest.approx([half, half, 0.0])
    assert y.bars[["below", "above"]].isna().all(axis=None), "the rises are exact"
    assert not y.bars["unknown"].any()
    assert math.isnan(x.base_bar.above)


def test_a_member_whose_error_is_not_known_says_so(hand):
    """It has no bar, as an exact number has none."""
    trials = hand.trials.assign(**{f"df/{GAP}": math.nan})
    trials.loc[trials["trial"] == 3, f"df/{GAP}"] = UNKNOWN_DF
    scatter = scatter_of(replace(hand, trials=trials, base=hand.base | {f"df/{GAP}": UNKNOWN_DF}))
    [(x, y)] = scatter.panels
    assert [text.words for text in scatter.numbers(x, y)] == ["12", "3 ±?", "2, 4", "1"]
    assert math.isnan(x.base_bar.above)
    assert x.base_bar.unknown == 1


def test_bars_end_where_the_possible_values_do(hand):
    """By hand: the gap of trial 12 is 1.5, that of trial 1 is 10, each ± 3.92."""
    metrics = hand.metrics | {GAP: replace(hand.metrics[GAP], lowest=0.0, highest=50.0)}
    sure = hand.trials.assign(**{f"se/{GAP}": 2.0})
    bounded = replace(hand, metrics=metrics, trials=sure, base=hand.base | {f"se/{GAP}": 10.0})
    scatter = scatter_of(bounded)
    [(x, _)] = scatter.panels
    bars = x.bars.set_index(scatter.points["name"])
    assert bars.loc["12", ["below", "above"]].tolist() == pytest.approx([1.5, 3.92], abs=1e-3)
    assert bars.loc["1", ["below", "above"]].tolist() == pytest.approx([3.92, 3.92], abs=1e-3)
    assert x.base_bar == pytest.approx((12.0, 19.6, 0.0), abs=1e-2)


def test_bars_of_a_distance_reach_to_the_distances_of_the_ends_of_the_interval(three):
    """By hand: a score of 48 ± 5 is nearer than 7 and may be 0 from 50, one of 40 ± 5 is 5 to 15 away."""
    name = "bias/crows_pairs/score"
    trials = three.trials.assign(**{f"se/{name}": 5 / 1.959964})
    trials.loc[trials.index[:2], name] = [48.0, 40.0]
    score = scatter_of(replace(three, trials=trials)).panels[0][0]
    assert score.values.tolist()[:2] == [2, 10]
    expected = [[2.0, 5.0], [5.0, 5.0]]
    for bar, ends in zip(score.bars[["below", "above"]].to_numpy()[:2], expected, strict=True):
        assert bar.tolist() == pytest.approx(ends, abs=1e-4)


def test_long_bars_do_not_squeeze_the_points(seeds):
    [(x, _)] = scatter_of(seeds).panels
    assert x.limits[0] >= -2, "by the front and the base alone, from 6 to 12, and once more as far"
    assert x.limits[1] <= 20


def test_a_member_names_another_that_it_is_tied_with(hand):
    noisy = replace(hand, trials=hand.trials.assign(**{f"se/{GAP}": 3.0, f"se/{RISE}": 0.04}))
    scatter = scatter_of(noisy)
    texts = [text.words for text in scatter.numbers(*scatter.panels[0])]
    assert "12 ≈ 3" in texts
    assert "2 ≈ 1, 4 ≈ 1" in texts
    points = scatter.points.set_index("name")
    assert points["near_base"]["1"]
    assert not points["near_base"]["12"]
    assert scatter.base_is_member


def test_a_member_names_another_that_it_may_be_tied_with(hand):
    errors = {f"df/{GAP}": 0.0, f"se/{RISE}": 0.04}
    scatter = scatter_of(replace(hand, trials=hand.trials.assign(**errors)))
    texts = [text.words for text in scatter.numbers(*scatter.panels[0])]
    assert "12 ≈? 3 ±?" in texts
    assert "1 ≈? 2 … ±?" in texts
    assert "2 ≈? 1, 4 ≈? 1 ±?" in texts, "they are at one place"
    members = scatter.points[scatter.points["front"]].set_index("name")["near_base"]
    assert members.to_dict() == {"12": False, "3": False, "2": True, "4": True, "1": True}


def test_of_more_than_two_members_at_one_place_the_first_two_are_named(hand):
    at_one_place = hand.trials.assign(**{GAP: 5.0, RISE: 0.01})
    scatter = scatter_of(replace(hand, trials=at_one_place))
    (text,) = scatter.numbers(*scatter.panels[0])
    assert text.words.endswith(" …")
    assert text.words.count(",") == 1
