"""Nested settings as one level of dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the leaves of nested mappings by their dotted names; a list is a leaf.

    prefix: what every name begins with.

    >>> flatten({"train": {"lr": 0.1}, "seeds": [0, 1]})
    {'train.lr': 0.1, 'seeds': [0, 1]}
    """
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        is_leaf = not isinstance(value, Mapping)
        leaves |= {prefix + key: value} if is_leaf else flatten(value, f"{prefix}{key}.")
    return leaves
