"""The grid of a search space: every combination of all choices, counted and looked up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sweep.space.domains import RANGES, Label, by_label, children, domain, label
from sweep.space.faults import Fault
from sweep.space.names import ROOT, Names


def size(tree: Any) -> int:
    """Return the number of points: combinations of all choices, those of a branch within it alone."""
    found = domain(tree)
    if found is None:
        return math.prod(size(child) for _, child in children(tree))
    return sum(size(option) for option in by_label(found[1]).values())


def point(tree: Any, number: int, names: Names = ROOT) -> dict[str, Label]:
    """Return the value of each parameter at one point, by search name.

    Points are in the order of the file, the last choice moving first.

    >>> tree = {"a": {"choice": [{"name": "x", "b": {"choice": [1, 2]}}, "y"]}}
    >>> [point(tree, number) for number in range(size(tree))]
    [{'a': 'x', 'a.x.b': 1}, {'a': 'x', 'a.x.b': 2}, {'a': 'y'}]

    Raises:
        IndexError: there is no such point.
    """
    found = domain(tree)
    if found is None:
        values: dict[str, Label] = {}
        for key, child in reversed(children(tree)):
            number, inside = divmod(number, size(child))
            values = point(child, inside, names.key(key)) | values
        return values
    for place, (chosen, option) in enumerate(by_label(found[1]).items()):
        if number < size(option):
            return {names.search: chosen} | point(option, number, names.option(place, chosen))
        number -= size(option)
    raise IndexError(f"the grid of {names.search} has no such point")


def ranges(tree: Any, names: Names = ROOT) -> Iterator[Fault]:
    """Yield a fault for every range, of which a grid, which runs each value, cannot be made."""
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        low, high = argument
        yield Fault(
            names.place,
            f"must be a choice of values, each of which a grid runs, but got {{{kind}: {argument}}}: "
            f"write {{choice: [{low}, …, {high}]}}, or take another search.sampler.",
        )
    elif kind == "choice":
        for number, option in enumerate(argument):
            yield from ranges(option, names.option(number, label(option)))
    else:
        for key, child in children(tree):
            yield from ranges(child, names.key(key))
