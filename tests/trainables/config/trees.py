"""Trials as trees, for the tests of the configuration."""

from trainables.config import TrialConfig

TREE = {
    "model": {"path": "miniature-llama"},
    "alignment": {"data": "miniature"},
    "train": {"lr": 1e-3, "steps": 4},
    "evaluators": ["stereoset", {"name": "multiple_choice", "task": "piqa", "limit": 3}],
}
FULL = TREE | {
    "objective": {"name": "likelihood_gap", "weight": 2.0, "form": "hinge", "margin": 0.5},
    "regulariser": {"name": "kl_to_base", "weight": 0.3, "direction": "reverse"},
    "replay": {"data": "bold_wikipedia", "ratio": 0.25},
    "seed": 7,
}


def config(**changes):
    return TrialConfig.model_validate(FULL | changes)


def with_leaf(tree, path, value):
    """The tree with one leaf changed."""
    first, *rest = path
    return tree | {first: with_leaf(tree.get(first, {}), rest, value) if rest else value}
