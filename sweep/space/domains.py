"""Domains, of which a search space is made: the trial's own YAML with a domain at some leaves.

    lr: {loguniform: [1.0e-6, 1.0e-4]}
    objective:
      choice:
        - {name: none}
        - {name: likelihood_gap, weight: {loguniform: [0.01, 10]}}   # searched in this branch only

A mapping whose only key is a domain's name is that domain. A choice among mappings is a branch.

Keys of the trial that are chosen together stand under `recipe`, whose keys become those of the trial
(`train: {lr: 1.0e-6}` changes the lr alone):

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
    """Return (kind, argument) of a node that is a domain, or None for any other node."""
    if isinstance(node, dict) and len(node) == 1:
        ((kind, argument),) = node.items()
        if kind in DOMAINS:
            return kind, argument
    return None


def children(node: Any) -> list[tuple[str | int, Any]]:
    """Return (key, child) pairs of a mapping, (index, child) pairs of a list; none of a scalar."""
    if isinstance(node, dict):
        return list(node.items())
    return list(enumerate(node)) if isinstance(node, list) else []


def label(option: Any) -> Label:
    """Return the value that stands for an option of a choice in the search and in the record.

    A scalar is its own label. The label of a branch is its name and the settings that are fixed in it,
    or its whole contents where it has no name.

    >>> label({"name": "gap", "form": "hinge", "weight": {"uniform": [0, 1]}})
    'gap form=hinge'
    """
    if option is None or isinstance(option, str | int | float | bool):
        return option
    if isinstance(option, dict) and isinstance(option.get("name"), str):
        rest = {key: value for key, value in option.items() if key != "name"}
        fixed = [f"{k}={v}" for k, v in rest.items() if not _has_domain(v)]
        return " ".join([option["name"], *fixed])
    return repr(option)


def by_label(options: Sequence[Any]) -> dict[Label, Any]:
    """Return label -> option for the options of a choice, in the order of the file."""
    return {label(option): option for option in options}


def _has_domain(node: Any) -> bool:
    """Return whether a node is a domain or holds one."""
    return domain(node) is not None or any(_has_domain(child) for _, child in children(node))
