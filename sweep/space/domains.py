"""Search spaces: the trial's own YAML with a domain at some leaves.

    lr: {loguniform: [1.0e-6, 1.0e-4]}
    objective:
      choice:
        - {name: none}
        - {name: likelihood_gap, weight: {loguniform: [0.01, 10]}}   # searched in this branch only

A mapping whose only key is a domain's name is that domain. A choice among mappings is a branch.

What several keys of the trial are chosen of together stands under `recipe`, whose keys become those
of the trial (`train: {lr: 1.0e-6}` changes the lr alone):

    recipe:
      choice:
        - {objective: dpo}
        - {objective: cda, regulariser: {name: l2_to_base, weight: 0.1}}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

RANGES = ("uniform", "loguniform", "int")
DOMAINS = (*RANGES, "choice")
RECIPE = "recipe"
Label = str | int | float | bool | None


def domain(node: Any) -> tuple[str, Any] | None:
    """Return (kind, argument) of a node that is a domain; None for any other."""
    if isinstance(node, dict) and len(node) == 1:
        ((kind, argument),) = node.items()
        if kind in DOMAINS:
            return kind, argument
    return None


def children(node: Any) -> list[tuple[str | int, Any]]:
    """Return (key, child) of a mapping, (index, child) of a list, and nothing of a scalar."""
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def label(option: Any) -> Label:
    """Return how an option of a choice is recorded.

    A scalar stands for itself. A branch is known by its name and what is fixed in it, or by its
    contents where it has no name.
    """
    if option is None or isinstance(option, str | int | float | bool):
        return option
    if isinstance(option, dict) and isinstance(option.get("name"), str):
        rest = {key: value for key, value in option.items() if key != "name"}
        fixed = [f"{k}={v}" for k, v in rest.items() if not _has_domain(v)]
        return " ".join([option["name"], *fixed])
    return repr(option)


def by_label(options: Sequence[Any]) -> dict[Label, Any]:
    """Return the options of a choice by their labels, in the order of the file."""
    return {label(option): option for option in options}


def _has_domain(node: Any) -> bool:
    return domain(node) is not None or any(_has_domain(child) for _, child in children(node))
