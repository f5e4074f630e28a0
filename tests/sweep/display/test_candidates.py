"""The candidates of a sweep that runs."""

import pytest

from sweep.config.check import load
from sweep.display.candidates import MeasuredModel, candidates, measured_by, names_of
from sweep.trial_request import TrialRequest

GAP, RISE = "bias/miniature/gap", "forgetting/general/nll_rise"


@pytest.fixture
def spec(tiny):
    tiny.write_text(tiny.read_text() + f"constraints: {{{RISE}: {{max: 0.3}}}}\n")
    return load(tiny)[0]


def model(recipe, gap, rise, seed=0):
    return MeasuredModel(recipe, seed, (gap, rise))


def test_a_recipe_is_the_mean_of_its_models_and_constraints_hold_for_the_mean(spec):
    models = [
        model("a", 1.0, 0.125),
        model("b", 5.0, 0.1),
        model("a", 2.0, 0.375, seed=1),
        model("a", 1.0, 0.125),  # the same trial run again
        model("c", 0.0, 0.4),
    ]
    assert candidates(spec, models, {}) == [
        {GAP: 1.5, RISE: 0.25},
        {GAP: 5.0, RISE: 0.1},
    ]


@pytest.mark.parametrize(
    ("base", "num"),
    [({GAP: 12.0, RISE: 0.0}, 1), ({GAP: 12.0, RISE: 0.4}, 0), ({GAP: 12.0}, 0), ({}, 0)],
)
def test_the_base_model_is_one_if_it_was_measured_and_keeps_the_constraints(spec, base, num):
    assert len(candidates(spec, [], base)) == num


def test_the_mean_is_over_seeds_and_the_same_seed_again_counts_once(spec):
    models = [model("a", gap, 0.125, seed) for gap, seed in ((1.0, 0), (1.0, 0), (4.0, 7))]
    assert candidates(spec, models, {}) == [{GAP: 2.5, RISE: 0.125}]


def test_a_trial_has_its_own_model_and_those_at_other_alphas(spec):
    metrics = {GAP: 1.0, RISE: 0.5, f"fusion/0.5/{GAP}": 3.0, f"fusion/0.5/{RISE}": 0.2}
    named = measured_by(TrialRequest(7, {"seed": 3}, recipe="abc"), metrics, names_of(spec))
    assert list(named) == [model("abc", 1.0, 0.5, 3), model("abc@0.5", 3.0, 0.2, 3)]
    (own,) = measured_by(TrialRequest(7, {"fusion": {"alpha": 0.5}}), metrics, names_of(spec))
    assert own == model("7", 1.0, 0.5)
