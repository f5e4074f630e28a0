"""The grid of a search space: every combination of all choices, counted and looked up."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from sweep.space.domains import RANGES, Label, by_label, children, domain
from sweep.space.faults import DomainFault
from sweep.space.names import ROOT, Names, setting_place
from trainables.schema.faults import Place


def size(tree: Any) -> int:
    """Return the number of points of the grid.

    These are the combinations of all choices; a choice inside a branch is combined with that branch
    alone.
    """
    choice = domain(tree)
    if choice is None:
        return math.prod(size(child) for _, child in children(tree))
    _, options = choice
    return sum(size(option) for option in by_label(options).values())


def point(tree: Any, number: int, names: Names = ROOT) -> dict[str, Label]:
    """Return the value of each parameter at one point of the grid, by search name.

    Points are in the order of the file, the last choice moving first.

    >>> tree = {"a": {"choice": [{"name": "x", "b": {"choice": [1, 2]}}, "y"]}}
    >>> [point(tree, number) for number in range(size(tree))]
    [{'a': 'x', 'a.x.b': 1}, {'a': 'x', 'a.x.b': 2}, {'a': 'y'}]

    Args:
        tree: a space whose domains are all choices.
        number: of the point, in [0, size(tree)).
        names: those of the node `tree`.

    Raises:
        IndexError: the number is `size(tree)` or above, in a tree that is a choice itself.
    """
    choice = domain(tree)
    if choice is None:
        values: dict[str, Label] = {}
        for key, child in reversed(children(tree)):
            number, number_in_child = divmod(number, size(child))
            values = point(child, number_in_child, names.key(key)) | values
        return values
    _, options = choice
    for n, (chosen, option) in enumerate(by_label(options).items()):
        if number < size(option):
            return {names.search: chosen} | point(option, number, names.option(n, chosen))
        number -= size(option)
    raise IndexError(f"the grid of {names.search} has no such point")


def range_faults(tree: Any, place: Place = ()) -> Iterator[DomainFault]:
    """Yield a fault for every range in every branch, as a grid can only run the values of choices.

    place: that of the node `tree`.
    """
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        low, high = argument
        yield DomainFault(
            place,
            f"must be a choice, as a grid runs each value, but got {{{kind}: {argument}}}: write "
            f"{{choice: [{low}, …, {high}]}}, or take another search.sampler.",
        )
    elif kind == "choice":
        for number, option in enumerate(argument):
            yield from range_faults(option, setting_place(place, kind, number))
    else:
        for key, child in children(tree):
            yield from range_faults(child, (*place, key))
