"""A trial drawn from a search space: Optuna suggests a value for every domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep.space.domains import RECIPE, by_label, domain
from sweep.space.names import ROOT, Names

if TYPE_CHECKING:
    import optuna


def suggest(tree: dict[str, Any], trial: optuna.Trial) -> dict[str, Any]:
    """Return the tree with every domain replaced by a value that the Optuna trial suggests.

    Optuna knows each parameter by its search name (sweep/space/names.py). Only the branches that are
    chosen have parameters.
    """
    drawn: dict[str, Any] = _drawn(tree, trial, ROOT)
    return with_recipe(drawn)


def _drawn(tree: Any, trial: optuna.Trial, names: Names) -> Any:
    """Return a node with every domain below it replaced by a value; `names` are those of the node."""
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        if isinstance(tree, dict):
            return {key: _drawn(child, trial, names.key(key)) for key, child in tree.items()}
        if isinstance(tree, list):
            return [_drawn(child, trial, names.key(n)) for n, child in enumerate(tree)]
        return tree
    if kind == "choice":
        options = by_label(argument)
        labels = list(options)
        chosen = trial.suggest_categorical(names.search, labels)
        return _drawn(options[chosen], trial, names.option(labels.index(chosen), chosen))
    low, high = argument
    if kind == "int":
        return trial.suggest_int(names.search, low, high)
    return trial.suggest_float(names.search, low, high, log=kind == "loguniform")


def with_recipe(tree: dict[str, Any]) -> dict[str, Any]:
    """Return a concrete tree in which the keys of its recipe have become its own.

    A key of the recipe replaces that of the tree. Where both are settings without a name (train,
    replay), those of the recipe complete those of the tree.

    >>> with_recipe({"train": {"lr": 0.1, "steps": 3}, "recipe": {"train": {"lr": 0.5}}})
    {'train': {'lr': 0.5, 'steps': 3}}
    """
    recipe = tree.get(RECIPE)
    rest = {key: value for key, value in tree.items() if key != RECIPE}
    if not isinstance(recipe, dict):
        return tree
    return rest | recipe | {key: {**rest[key], **recipe[key]} for key in completed(tree)}


def completed(tree: dict[str, Any]) -> set[str]:
    """Return the keys of a concrete tree that its recipe completes, and does not replace."""
    recipe = tree.get(RECIPE)
    if not isinstance(recipe, dict):
        return set()
    return {key for key in tree.keys() & recipe.keys() if _are_settings(tree[key], recipe[key])}


def _are_settings(*nodes: Any) -> bool:
    """Return whether all nodes are mappings without a name."""
    return all(isinstance(node, dict) and "name" not in node for node in nodes)
