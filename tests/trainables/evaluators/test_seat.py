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


def p_value(associations, num_x):
    return seat.p_value(associations, num_x, MANY)


def test_an_effect_worked_out_by_hand():
    # Means 2 and −1, standard deviation of all four (n − 1): √(10 / 3) · … = 1.8257
    associations = np.array([1.0, 3.0, -2.0, 0.0])
    assert effect_size(associations, 2, range(4)) == pytest.approx(3 / np.std(associations, ddof=1))


def test_exchanging_x_and_y_changes_the_sign():
    associations = np.array([1.0, 3.0, -2.0, 0.0])
    exchanged = np.array([-2.0, 0.0, 1.0, 3.0])
    assert effect_size(associations, 2, range(4)) == -effect_size(exchanged, 2, range(4))


def test_equal_associations_have_no_effect_and_nan_makes_it_nan():
    assert effect_size(np.ones(4), 2, range(4)) == 0
    assert np.isnan(effect_size(np.array([1.0, np.nan, 0.0, 0.0]), 2, range(4)))


def test_the_effect_is_bounded_by_two():
    """The greatest effect: all of X at one point and all of Y at another."""
    many = np.array([1.0] * 500 + [-1.0] * 500)
    assert effect_size(many, 500, range(1000)) == pytest.approx(2, abs=0.01)


def slow(model, start="every"):
    """Return the effect by the formula, one sentence at a time."""
    (words,) = Seat(data="miniature").items().values()
    module = copy.deepcopy(model.module)  # transformers leaves hooks in a model that records states
    frames = ("the {} was happy", "the {} left")

    def state(text):
        (ids,) = model.tokenizer.encode([text])
        inputs = [*model.tokenizer.start_ids, *ids] + (
            [model.tokenizer.end_id] if model.family == "masked" else []
        )
        if model.family == "causal" and start == "none":
            inputs = ids
        read = torch.tensor([inputs], device=model.device)
        with torch.no_grad():
            states = module(read, output_hidden_states=True).hidden_states[-1]
        return states[0, len(inputs) - len(ids) if model.family == "causal" else 0 :].mean(0)

    def association(text):
        cosine = torch.nn.functional.cosine_similarity
        to_a, to_b = (
            np.mean(
                [
                    float(cosine(state(text), state(frame.format(word)), dim=0))
                    for word in group
                    for frame in frames
                ]
            )
            for group in (words.A, words.B)
        )
        return to_a - to_b

    x, y = (
        [association(f.format(w)) for w in group for f in frames] for group in (words.X, words.Y)
    )
    return (np.mean(x) - np.mean(y)) / np.std([*x, *y], ddof=1)


def test_the_effect_is_that_of_the_slow_loop(model):
    model.module.eval()
    values = estimate.values(Seat(data="miniature", permutations=99).measure(model, {}))
    assert values[OCCUPATIONS] == pytest.approx(slow(model), rel=1e-3)
    assert values["bias/seat_miniature/effect"] == abs(values[OCCUPATIONS])


def test_without_a_start_token_the_effect_of_a_causal_model_is_that_of_the_slow_loop(model):
    model.module.eval()
    evaluator = Seat(data="miniature", permutations=99, start="none")
    values = estimate.values(evaluator.measure(model, {}))
    name = OCCUPATIONS
    if model.family == "causal":
        name = name.replace("seat_miniature", "seat_miniature_start_none")
        assert abs(slow(model, "none") - slow(model)) > 1e-3
    assert values[name] == pytest.approx(slow(model, "none"), rel=1e-3)
    assert set(values) == {metric.name for metric in evaluator.metrics(model.family)}


def test_the_error_of_the_mean_adds_up_the_influences_of_a_word_in_all_tests():
    names = ("math:0", "math:1", "art:0", "art:1")
    first = Estimate(
        0.5, Items.of(names, ["math"] * 2 + ["art"] * 2), None, np.array([1, 2, 0, -3.0])
    )
    again = Estimate(-0.3, first.items, None, -first.influences_I)
    both = seat.mean_of_absolutes([first, again])
    assert both.value == pytest.approx(0.4)
    assert both.se == pytest.approx(first.se), "the same words twice are no more words"


def test_the_error_of_the_mean_is_not_known_if_that_of_a_test_is_not():
    names = ("math:0", "art:0", "he:0")
    known, alike = (
        Estimate(0.5, Items.of(names, names), None, np.array(influences), 2.0)
        for influences in ([1, 2, -3.0], [0.0, 0.0, 0.0])
    )
    assert known.se is not None
    assert alike.se is None
    assert seat.mean_of_absolutes([known, alike]).se is None


def test_the_error_is_over_words_and_not_over_sentences(model):
    perturb(model, 0.01)
    items = Seat(data="miniature", permutations=99).measure(model, {})[OCCUPATIONS].items
    assert len(set(items.clusters)) == len(items.names) / 2 == 32


def test_p_is_the_share_of_all_divisions_whose_difference_is_as_large():
    associations = np.array([0.9, 0.2, 0.5, 0.3, -0.1, 0.4])
    difference = associations[:3].mean() - associations[3:].mean()
    divisions = [set(x) for x in combinations(range(6), 3)]
    as_large = [
        np.mean([associations[i] for i in x])
        - np.mean([associations[i] for i in range(6) if i not in x])
        >= difference - 1e-12
        for x in divisions
    ]
    assert p_value(associations, 3) == pytest.approx(sum(as_large) / 20)


def test_p_of_equal_associations_is_1_and_nan_makes_it_nan():
    assert p_value(np.ones(8), 4) == 1
    rounded = 0.3 + np.random.default_rng(0).normal(scale=1e-16, size=8)
    assert len(set(rounded)) > 1
    assert p_value(rounded, 4) == 1
    assert np.isnan(p_value(np.array([1.0, np.nan, 0.0, 0.0]), 2))


def test_a_drawn_p_counts_the_true_division_and_is_the_same_every_time():
    separate = np.repeat([1.0, -1.0], 24) + np.linspace(0, 0.1, 48)
    assert p_value(separate, 24) == pytest.approx(1 / (MANY + 1))
    noise = np.random.default_rng(1).normal(size=48)
    assert p_value(noise, 24) == p_value(noise, 24)


def test_each_test_has_an_effect_and_a_p():
    tests = ("weat6", "weat6b", "weat7", "weat7b", "weat8", "weat8b")
    assert [metric.name for metric in Seat().metrics("causal")] == [
        f"bias/seat/{name}" for name in ("effect", *tests, *(f"{test}_p" for test in tests))
    ]
