"""Recipes and numbers in words."""

import math
from dataclasses import replace

import pytest

from analysis.views.front_words import (
    cautions,
    counts,
    label,
    marks,
    number,
    recipe,
    shown_error,
)

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def row(sweep, trial):
    return sweep.trials.set_index("trial").loc[trial]


def test_a_recipe_has_the_chosen_names_and_nothing_that_was_not_searched(hand):
    assert recipe(hand, row(hand, 3)) == "cda two · no regulariser · replay 0.05 · lr 2e-5"
    assert recipe(hand, row(hand, 2)) == "likelihood_gap 0.5 · kl_to_base 0.03 · lr 1e-4"
    fewer = replace(hand, searched=["objective", "train.lr"])
    assert recipe(fewer, row(fewer, 2)) == "likelihood_gap · lr 1e-4"


def test_two_numbers_of_one_section_have_their_names(hand):
    trials = hand.trials.assign(**{"objective.margin": range(len(hand.trials))})
    params, searched = ["objective.margin", *hand.params], ["objective.margin", *hand.searched]
    more = replace(hand, trials=trials, params=params, searched=searched)
    assert recipe(more, row(more, 2)).startswith("likelihood_gap margin 1 weight 0.5 · ")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (2e-5, "2e-5"),
        (0.03, "0.03"),
        (1e-4, "1e-4"),
        (1200.0, "1200"),
        (1234.5, "1234"),
        (0, "0"),
        (-0.5, "-0.5"),
        (3e10, "3e10"),
        (1234567, "1234567"),
        (0.12345, "0.123"),
        ("cda", "cda"),
    ],
)
def test_numbers_have_their_shortest_form(value, text):
    assert number(value) == text


def test_a_searched_alpha_is_part_of_the_recipe_each_member_with_its_own(fusing):
    searched = replace(fusing, searched=["fusion.alpha", "train.lr"])
    recipes = [recipe(searched, row) for row in searched.front().to_dict("records")]
    assert recipes[1] == "fusion 1 · lr 2e-5"
    assert recipes[3] == "fusion 0.5 · lr 2e-5"


GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"


def rows(sweep):
    return {row["trial"]: row for row in sweep.candidates().to_dict("records")}


def test_replicates_are_counted_in_names_and_marks(seeds):
    flags = seeds.trials["trial"].isin([5]).astype(float)
    flagged = replace(seeds, trials=seeds.trials.assign(**{"forgetting/guard/degenerate": flags}))
    found = rows(flagged)
    assert [label(found[number]) for number in (0, 2, 4)] == ["0 ×2", "2 ×3", "4"]
    assert marks(found[2]) == ["degenerate in 1 of 3", "dominated by another recipe"]
    assert marks(found[0]) == ["1 of 3 seeds failed"]
    assert marks(found[4]) == ["stopped early"]
    assert "1 degenerate" in counts(flagged)


def test_every_replicate_degenerate_is_degenerate(seeds):
    flags = seeds.trials["trial"].isin([0, 3]).astype(float)
    flagged = replace(seeds, trials=seeds.trials.assign(**{"forgetting/guard/degenerate": flags}))
    assert marks(rows(flagged)[0]) == ["degenerate", "1 of 3 seeds failed"]


def with_rise(sweep, values, **errors):
    """The sweep with these rises of the replicates of its control, trials 0 and 3."""
    trials = sweep.trials.copy()
    for trial, value in values.items():
        trials.loc[trials["trial"] == trial, RISE] = value
    return replace(sweep, trials=trials.assign(**errors))


@pytest.mark.parametrize(
    ("rises", "errors", "is_told"),
    [
        ({0: -0.5, 3: -0.5}, {}, True),  # exact
        ({0: -0.5, 3: -0.5}, {f"se/{RISE}": 0.1}, True),
        ({0: -0.5, 3: -0.5}, {f"se/{RISE}": 0.3}, False),
        ({0: -0.5, 3: -0.1}, {}, False),  # two seeds that differ tell little
        ({0: -0.5, 3: -0.5}, {f"df/{RISE}": 0.0}, False),
        ({1: -0.5, 7: -0.5}, {}, False),  # it debiases
        ({}, {}, False),
    ],
)
def test_a_control_that_forgets_less_than_nothing_is_told_in_words(seeds, rises, errors, is_told):
    sentences = cautions(with_rise(seeds, rises, **errors))
    assert len(sentences) == is_told
    if is_told:
        assert sentences[0].startswith(f"{RISE} is -0.5")
        for words in (
            "trial 0 ×2, which debiases nothing",
            "below zero",
            "forgetting/general/kl_rise",
        ):
            assert words in sentences[0]


@pytest.mark.parametrize("name", ["lms_drop", "contrast_rise", "stereotype_nll_rise"])
def test_only_goals_on_general_text_are_told_to_be_below_zero(seeds, name):
    """LMS may rise by training, and a contrast is better the higher it is."""
    lower = with_rise(seeds, {0: -0.5, 3: -0.5})
    named = lower.trials.rename(columns=lambda column: column.replace("nll_rise", name))
    goal = replace(lower.goals[1], name=lower.goals[1].name.replace("nll_rise", name))
    other = replace(lower, trials=named, goals=[goal], metrics=lower.metrics | {goal.name: goal})
    assert cautions(lower)
    assert cautions(other) == []


def test_a_goal_that_is_no_forgetting_needs_no_caution(seeds):
    lower = with_rise(seeds, {0: -0.5, 3: -0.5})
    assert cautions(replace(lower, goals=lower.goals[:1])) == []


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        ({"se/a/b/c": 2.0, "df/a/b/c": 9.0}, "± 4.5"),
        ({"se/a/b/c": 2.0}, "± 3.9"),  # of an early release
        ({"df/a/b/c": 0.0}, "± ?"),
        ({"se/a/b/c": 2.0, "df/a/b/c": 0.0}, "± ?"),  # known at an earlier step of the trial alone
        ({"se/a/b/c": math.nan, "df/a/b/c": math.nan}, ""),
        ({"se/a/b/c": 0.0}, ""),
        ({}, ""),
    ],
)
def test_an_error_is_shown_as_half_an_interval_a_question_mark_or_nothing(recorded, expected):
    assert shown_error(recorded, "a/b/c", ".1f") == expected
