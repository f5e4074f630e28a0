"""Points, axes and colours of the pictures of a front."""

import math
from dataclasses import replace

import pytest
from scipy import stats

from analysis.views.scatter import scatter_of

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
    assert scatter.labels(x, y)[0].endswith("(1 trial lies beyond these axes)")
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
    assert scatter.points["name"].tolist() == ["0 ×2", "1 ×2", "2 ×3"]
    for index in scatter.points.index:
        df, se = rows.loc[index, f"df/{GAP}"], rows.loc[index, f"se/{GAP}"]
        assert x.bars[index] == pytest.approx(stats.t.ppf(0.975, df) * se)
    assert y.bars.isna().all(), "the rises are exact"
    assert math.isnan(x.base_bar)
    assert x.has_bars(scatter.points.index)
    assert not y.has_bars(scatter.points.index)


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
    assert points["ties_base"]["1"]
    assert not points["ties_base"]["12"]
    assert scatter.base_is_member


def test_of_more_than_two_members_at_one_place_the_first_two_are_named(hand):
    at_one_place = hand.trials.assign(**{GAP: 5.0, RISE: 0.01})
    scatter = scatter_of(replace(hand, trials=at_one_place))
    (text,) = scatter.numbers(*scatter.panels[0])
    assert text.words.endswith(" …")
    assert text.words.count(",") == 1
