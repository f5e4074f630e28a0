"""SEAT: its effect size by hand and against a plain loop."""

import copy

import numpy as np
import pytest
import torch

from tests.conformance import perturb
from trainables import estimate
from trainables.evaluators import Seat
from trainables.evaluators.seat import TESTS, effect_size

OCCUPATIONS = "bias/seat_miniature/occupations"


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
    (words,) = Seat(data="miniature").tests().values()
    module = copy.deepcopy(model.module)  # transformers leaves hooks where it records states
    frames = ("the {} was happy", "the {} left")

    def state(text):
        (ids,) = model.encode([text])
        read = [model.start_id, *ids] + ([model.end_id] if model.family == "masked" else [])
        with torch.no_grad():
            states = module(torch.tensor([read]), output_hidden_states=True).hidden_states[-1]
        return states[0, 0 if model.family == "masked" else -1]

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
    found = estimate.values(Seat(data="miniature").measure(model, {}))
    assert found[OCCUPATIONS] == pytest.approx(slow(model), rel=1e-3)
    assert found["bias/seat_miniature/effect"] == abs(found[OCCUPATIONS])


def test_the_error_is_over_words_and_not_over_sentences(model):
    perturb(model, 0.01)
    found = Seat(data="miniature").measure(model, {})[OCCUPATIONS]
    assert len(set(found.items.clusters)) == len(found.items.names) / 2 == 32


def test_the_words_are_those_of_the_three_tests_of_gender():
    tests = Seat().tests()
    assert tuple(tests) == TESTS
    assert {len(of) for words in tests.values() for of in words} == {8}
    for words in tests.values():
        assert not set(words.X) & set(words.Y)
        assert not set(words.A) & set(words.B)
    assert [metric.name for metric in Seat().metrics("causal")] == [
        f"bias/seat/{name}" for name in ("effect", *TESTS)
    ]
