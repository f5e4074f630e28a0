"""SEAT: its effect size by hand and against a plain loop."""

import copy
from itertools import combinations

import numpy as np
import pytest
import torch

from tests.conformance import perturb
from trainables.evaluators import Seat, seat
from trainables.evaluators.seat import effect_size
from trainables.metrics import estimate
from trainables.metrics.estimate import Estimate, Items

MANY = 99_999
OCCUPATIONS = "bias/seat_miniature/occupations"


def p_value(leans, num_x):
    return seat.p_value(leans, num_x, MANY)


def test_an_effect_worked_out_by_hand():
    # Means 2 and −1, standard deviation of all four (n − 1): √(10 / 3) · … = 1.8257
    leans = np.array([1.0, 3.0, -2.0, 0.0])
    assert effect_size(leans, 2, range(4)) == pytest.approx(3 / np.std(leans, ddof=1))


def test_x_and_y_turned_around_turn_the_sign():
    leans = np.array([1.0, 3.0, -2.0, 0.0])
    turned = np.array([-2.0, 0.0, 1.0, 3.0])
    assert effect_size(leans, 2, range(4)) == -effect_size(turned, 2, range(4))


def test_no_spread_is_no_effect_and_no_number_is_none():
    assert effect_size(np.ones(4), 2, range(4)) == 0
    assert np.isnan(effect_size(np.array([1.0, np.nan, 0.0, 0.0]), 2, range(4)))


def test_the_effect_is_bounded_by_two():
    """The most that is possible: all of X at one point and all of Y at another."""
    many = np.array([1.0] * 500 + [-1.0] * 500)
    assert effect_size(many, 500, range(1000)) == pytest.approx(2, abs=0.01)


def slow(model):
    """One sentence at a time, straight from the formula."""
    (words,) = Seat(data="miniature").items().values()
    module = copy.deepcopy(model.module)  # transformers leaves hooks where it records states
    frames = ("the {} was happy", "the {} left")

    def state(text):
        (ids,) = model.tokenizer.encode([text])
        read = [model.tokenizer.start_id, *ids] + (
            [model.tokenizer.end_id] if model.family == "masked" else []
        )
        with torch.no_grad():
            states = module(torch.tensor([read]), output_hidden_states=True).hidden_states[-1]
        return states[0, model.family == "causal" :].mean(0)

    def lean(text):
        cosine = torch.nn.functional.cosine_similarity
        each = [
            np.mean(
                [float(cosine(state(text), state(f.format(w)), dim=0)) for w in of for f in frames]
            )
            for of in (words.A, words.B)
        ]
        return each[0] - each[1]

    x, y = ([lean(f.format(w)) for w in of for f in frames] for of in (words.X, words.Y))
    return (np.mean(x) - np.mean(y)) / np.std([*x, *y], ddof=1)


def test_the_effect_is_that_of_the_slow_loop(model):
    model.module.eval()
    found = estimate.values(Seat(data="miniature", permutations=99).measure(model, {}))
    assert found[OCCUPATIONS] == pytest.approx(slow(model), rel=1e-3)
    assert found["bias/seat_miniature/effect"] == abs(found[OCCUPATIONS])


def test_the_error_of_the_mean_adds_up_what_a_word_does_in_all_tests():
    names = ("math:0", "math:1", "art:0", "art:1")
    first = Estimate(
        0.5, Items.of(names, ["math"] * 2 + ["art"] * 2), None, np.array([1, 2, 0, -3.0])
    )
    again = Estimate(-0.3, first.items, None, -first.influences_I)
    both = seat.mean_of_absolutes([first, again])
    assert both.value == pytest.approx(0.4)
    assert both.se == pytest.approx(first.se), "the same words twice are no more words"


def test_the_error_is_over_words_and_not_over_sentences(model):
    perturb(model, 0.01)
    found = Seat(data="miniature", permutations=99).measure(model, {})[OCCUPATIONS]
    assert len(set(found.items.clusters)) == len(found.items.names) / 2 == 32


def test_p_is_the_share_of_all_divisions_that_are_as_far_apart():
    leans = np.array([0.9, 0.2, 0.5, 0.3, -0.1, 0.4])
    far = leans[:3].mean() - leans[3:].mean()
    divisions = [set(x) for x in combinations(range(6), 3)]
    as_far = [
        np.mean([leans[i] for i in x]) - np.mean([leans[i] for i in range(6) if i not in x])
        >= far - 1e-12
        for x in divisions
    ]
    assert p_value(leans, 3) == pytest.approx(sum(as_far) / 20)


def test_where_all_are_alike_every_division_is_as_far_apart():
    assert p_value(np.ones(8), 4) == 1
    assert np.isnan(p_value(np.array([1.0, np.nan, 0.0, 0.0]), 2))


def test_a_drawn_p_counts_the_true_division_and_is_the_same_every_time():
    apart = np.repeat([1.0, -1.0], 24) + np.linspace(0, 0.1, 48)
    assert p_value(apart, 24) == pytest.approx(1 / (MANY + 1))
    noise = np.random.default_rng(1).normal(size=48)
    assert p_value(noise, 24) == p_value(noise, 24)


def test_each_test_has_an_effect_and_a_p():
    tests = ("weat6", "weat6b", "weat7", "weat7b", "weat8", "weat8b")
    assert [metric.name for metric in Seat().metrics("causal")] == [
        f"bias/seat/{name}" for name in ("effect", *tests, *(f"{test}_p" for test in tests))
    ]
