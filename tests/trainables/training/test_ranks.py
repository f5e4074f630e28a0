"""Several processes that train one model: their losses, norms and weights are those of one process."""

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tests.conformance import describe, instances
from tests.trainables.training.together import Outcome, together
from trainables import objectives
from trainables.models import miniature
from trainables.training.ranks import ALONE, Ranks

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

MODELS = ("miniature-llama", "miniature-bert")
STEPS = 20
RECIPES = {
    "gap": {"objective": "likelihood_gap", "regulariser": "kl_to_base"},
    "cda": {"objective": "cda", "regulariser": "l2_to_base"},
}


def tree(model: str, recipe: str, **train: object) -> dict:
    """Return the tree of a trial of a miniature model with a replay."""
    settings = {"lr": 1e-3, "steps": STEPS, "batch_size": 8, "schedule": "constant"}
    return {
        "model": {"path": model, "family": miniature.MODELS.get(model, "causal")},
        "alignment": {"data": "miniature", "size": 24},
        "replay": {"data": "miniature", "ratio": 0.25},
        "train": settings | train,
        "evaluators": [{"name": "perplexity", "data": "miniature", "limit": 5}],
    } | RECIPES[recipe]


def differences(one: Outcome, other: Outcome) -> Iterator[tuple[str, float]]:
    """Yield (what, largest relative difference) of the curves, metrics and weights of two trials."""
    assert one.curve.keys() == other.curve.keys()
    for step, name in itertools.product(one.curve, ("loss", "text_nll", "gradient_norm")):
        number, twin = one.curve[step][name], other.curve[step][name]
        yield f"{name} of step {step}", abs(number - twin) / max(abs(twin), 1e-2)
    for name, value in one.metrics.items():
        yield name, abs(value - other.metrics[name]) / max(abs(other.metrics[name]), 1)
    assert one.weights.keys() == other.weights.keys()
    for name, weight in one.weights.items():
        # The gradient of this bias is 0 by the softmax, so that AdamW makes steps of rounding errors.
        if not name.endswith("key.bias"):
            yield name, float((weight - other.weights[name]).abs().max())


@pytest.fixture(
    scope="module",
    params=[
        each if miniature.MODELS[each] == "causal" else pytest.param(each, marks=pytest.mark.long)
        for each in MODELS
    ],
)
def outcomes(request, tmp_path_factory) -> dict[tuple[int, str, int], Outcome]:
    """(number of processes, recipe, ZeRO stage) -> outcome: the same trials by one process and by two."""
    keys = [(recipe, stage) for recipe in RECIPES for stage in (0, 1, 2, 3)]
    found = {}
    for size in (1, 2):
        # What a model draws has a seed for each part of a step: both cut it into two.
        trees = [
            tree(request.param, recipe, zero_stage=stage, accumulation=2 // size, report_every=10)
            for recipe, stage in keys
        ]
        folder = tmp_path_factory.mktemp("group") / str(size)
        made = together(folder, size, trees)
        found |= {(size, *key): outcome for key, outcome in zip(keys, made, strict=True)}
    return found


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_two_processes_are_one(outcomes, recipe, stage):
    plain = outcomes[1, recipe, 0]
    assert len(plain.curve) == STEPS
    for size in (1, 2):  # one process at a later stage adds up micro-batches, too
        outcome = outcomes[size, recipe, stage]
        assert outcome.error == ""
        worst = max(differences(outcome, plain), key=lambda entry: entry[1])
        assert worst[1] < 1e-4, (size, worst)


def plugin_trees(model: str) -> dict[str, dict]:
    """Return name -> tree: every objective that is defined for a model, with each of three regularisers."""
    family = miniature.MODELS[model]
    objectives_of_family = [
        each for each in instances(objectives.AnyObjective) if family in each.families
    ]
    trees = {}
    for objective, regulariser in itertools.product(
        objectives_of_family, ("none", "kl_to_base", "l2_to_base")
    ):
        parts = {"objective": objective.model_dump(mode="json"), "regulariser": regulariser}
        trees[f"{describe(objective)} {regulariser}"] = tree(model, "cda", steps=3) | parts
    return trees


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS)
def test_every_objective_is_trained_by_two_processes_as_by_one(model, tmp_path):
    found = {}
    for size in (1, 2):
        trees = plugin_trees(model)
        for one in trees.values():
            one["train"] |= {"accumulation": 2 // size}
        found[size] = together(tmp_path / str(size), size, trees.values())
    worst = {}
    for name, alone, pair in zip(plugin_trees(model), found[1], found[2], strict=True):
        assert (alone.error, pair.error) == ("", ""), name
        worst[name] = max(differences(pair, alone), key=lambda entry: entry[1])
    assert {name: entry for name, entry in worst.items() if entry[1] >= 1e-4} == {}


@pytest.mark.long
@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_a_checkpoint_depends_neither_on_the_processes_nor_on_the_stage(model, stage, tmp_path):
    """Saved by two and resumed by one, and the other way round."""
    whole = together(tmp_path / "whole", 1, [tree(model, "gap", steps=6, accumulation=2)])[0]
    for first, second in ((2, 1), (1, 2)):
        folder = tmp_path / f"{first} to {second}"
        # Half of a training with a constant learning rate and no replay is a shorter training.
        begun = together(
            folder / "begun", first,
            [tree(model, "gap", steps=6, report_every=3, accumulation=2 // first, zero_stage=stage)],
        )[0]  # fmt: skip
        resumed = together(
            folder / "resumed", second,
            [tree(model, "gap", steps=6, accumulation=2 // second)], [begun.folders[0]],
        )[0]  # fmt: skip
        assert [path.name for path in begun.folders] == ["state-003", "state-006"]
        assert (begun.error, resumed.error) == ("", "")
        rest = {step: whole.curve[step] for step in resumed.curve}
        assert len(rest) == 3
        worst = max(differences(resumed, replace(whole, curve=rest)), key=lambda entry: entry[1])
        assert worst[1] < 1e-4, (first, worst)


@pytest.mark.long
@pytest.mark.parametrize("stage", [0, 1, 2, 3])
def test_a_real_model_is_trained_by_two_processes_as_by_one(stage, tmp_path):
    recipe = tree("smollm2-135m", "gap", steps=5, batch_size=4, lr=1e-4, zero_stage=stage)
    recipe["evaluators"] = [{"name": "perplexity", "data": "miniature", "limit": 3}]
    alone, pair = (
        together(tmp_path / str(size), size, [recipe | {"train": recipe["train"] | {
            "accumulation": 2 // size, "zero_stage": stage if size > 1 else 0,
        }}])[0]
        for size in (1, 2)
    )  # fmt: skip
    worst = max(differences(pair, alone), key=lambda entry: entry[1])
    assert worst[1] < 1e-4, worst


def test_a_batch_that_cannot_be_shared_is_refused_by_every_process(tmp_path):
    (outcome,) = together(tmp_path / "group", 2, [tree("miniature-llama", "gap", batch_size=9)])
    assert outcome.error == (
        "train.batch_size must be a multiple of accumulation times the processes of a trial, 1 · 2, "
        "but got 9."
    )


def test_a_sum_over_one_process_is_the_number_itself():
    assert ALONE.summed([0.1, math.inf]) == [0.1, math.inf]
    assert Ranks(1, 2).is_first is False
