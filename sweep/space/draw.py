"""A trial drawn from a search space: Optuna suggests a value for every domain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep.space.domains import RECIPE, by_label, domain
from sweep.space.names import ROOT, Names

if TYPE_CHECKING:
    import optuna


def suggest(tree: dict[str, Any], trial: optuna.Trial) -> dict[str, Any]:
    """Return the tree with every domain replaced by a value that the trial suggests.

    Parameters go by their search names (sweep/space/names.py); only the branches that are chosen
    have any.
    """
    suggested: dict[str, Any] = _suggest(tree, trial, ROOT)
    return with_recipe(suggested)


def _suggest(tree: Any, trial: optuna.Trial, names: Names) -> Any:
    found = domain(tree)
    if found is None:
        if isinstance(tree, dict):
            return {key: _suggest(child, trial, names.key(key)) for key, child in tree.items()}
        if isinstance(tree, list):
            return [_suggest(child, trial, names.key(n)) for n, child in enumerate(tree)]
        return tree
    match found:
        case "uniform", (low, high):
            return trial.suggest_float(names.search, low, high)
        case "loguniform", (low, high):
            return trial.suggest_float(names.search, low, high, log=True)
        case "int", (low, high):
            return trial.suggest_int(names.search, low, high)
        case _, options:
            labelled = by_label(options)
            labels = list(labelled)
            chosen = trial.suggest_categorical(names.search, labels)
            inside = names.option(labels.index(chosen), chosen)
            return _suggest(labelled[chosen], trial, inside)


def with_recipe(tree: dict[str, Any]) -> dict[str, Any]:
    """Return the trial that a concrete tree describes: the keys of its recipe become its own."""
    recipe = tree.get(RECIPE)
    rest = {key: value for key, value in tree.items() if key != RECIPE}
    if not isinstance(recipe, dict):
        return tree
    # Settings without a name (train, replay) are completed by the trial's own.
    both = {key for key in rest.keys() & recipe.keys() if _is_settings(rest[key], recipe[key])}
    return rest | recipe | {key: {**rest[key], **recipe[key]} for key in both}


def _is_settings(*nodes: Any) -> bool:
    return all(isinstance(node, dict) and "name" not in node for node in nodes)
