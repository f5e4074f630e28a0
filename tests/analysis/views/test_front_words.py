"""Recipes and numbers in words."""

import math
from dataclasses import replace

import pytest

from analysis.views.front_words import number, recipe, shown_error

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
