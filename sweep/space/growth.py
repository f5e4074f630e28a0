"""How a search space may grow while its sweep goes on: by options appended to its choices."""

from __future__ import annotations

from typing import Any

from sweep.space.domains import Label, by_label, children, domain
from sweep.space.names import ROOT, Names


def options(tree: Any, names: Names = ROOT) -> dict[str, list[Label]]:
    """Return the labels of every choice, in every branch, by search name."""
    kind, argument = domain(tree) or ("", tree)
    labels: dict[str, list[Label]] = {}
    if not kind:
        for key, child in children(tree):
            labels |= options(child, names.key(key))
    elif kind == "choice":
        labelled = by_label(argument)
        for number, (chosen, option) in enumerate(labelled.items()):
            labels |= options(option, names.option(number, chosen))
        labels[names.search] = list(labelled)
    return labels


def is_grown(tree: Any, now: Any) -> bool:
    """Return whether `now` is the tree, or the tree with options appended to its choices."""
    old, new = domain(tree), domain(now)
    if old is not None and new is not None and old[0] == new[0] == "choice":
        same = zip(old[1], new[1], strict=False)
        return len(old[1]) <= len(new[1]) and all(is_grown(was, is_) for was, is_ in same)
    if isinstance(tree, dict) and isinstance(now, dict) and old is new is None:
        return tree.keys() == now.keys() and all(is_grown(tree[key], now[key]) for key in tree)
    if isinstance(tree, list) and isinstance(now, list):
        return len(tree) == len(now) and all(map(is_grown, tree, now))
    return bool(tree == now)
