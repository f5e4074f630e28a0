"""Concrete trials that stand for a whole search space, with which a spec is checked."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

from sweep.space.domains import RANGES, RECIPE, children, domain
from sweep.space.draw import with_recipe
from sweep.space.names import setting_place
from trainables.schema.faults import Place

MAX_BRANCHES = 1000  # of a space whose branches are all tried


@dataclass(frozen=True)
class Corner:
    """One concrete tree of a space.

    origins: place in the tree -> place in the file that the value came from.
    """

    tree: dict[str, Any]
    origins: Mapping[Place, Place]


def corners(tree: dict[str, Any]) -> Iterator[Corner]:
    """Yield concrete trees that together hold every branch and both ends of every domain.

    From the first option and low end of everything, one domain at a time is moved through its
    options or to its high end, and each two of the same mapping together (what must fit together
    stands together), so their number does not grow with the product of all.
    """
    yield _corner(tree, {})
    domains = list(_domains(tree, ()))
    for place, num_settings in domains:
        for setting in range(1, num_settings):
            yield _corner(tree, _reaching(tree, place) | {place: setting})
    for (one, num_one), (other, num_other) in combinations(domains, 2):
        if one[:-1] == other[:-1]:
            for pair in product(range(1, num_one), range(1, num_other)):
                moved = dict(zip((one, other), pair, strict=True))
                yield _corner(tree, _reaching(tree, one) | moved)


def branches(tree: dict[str, Any]) -> Iterator[Corner]:
    """Yield every combination of all choices, each range at its low end; none beyond MAX_BRANCHES.

    What must fit together may stand far apart in the file, where `corners` does not move it together.
    """
    if _num_branches(tree) <= MAX_BRANCHES:
        yield from (_corner(tree, settings) for settings in _branches(tree, ()))


def _num_branches(tree: Any) -> int:
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        return 1
    if kind == "choice":
        return sum(map(_num_branches, argument))
    return math.prod(_num_branches(child) for _, child in children(tree))


def _branches(tree: Any, place: Place) -> Iterator[dict[Place, int]]:
    """Yield the number of the option of each choice below a place, for every combination."""
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        yield {}
    elif kind == "choice":
        for number, option in enumerate(argument):
            for settings in _branches(option, setting_place(place, kind, number)):
                yield {place: number} | settings
    else:
        below = [list(_branches(child, (*place, key))) for key, child in children(tree)]
        for chosen in product(*below):
            yield {key: value for settings in chosen for key, value in settings.items()}


def _domains(tree: Any, place: Place) -> Iterator[tuple[Place, int]]:
    """Yield (place, number of settings to try) of each domain, inside branches too."""
    found = domain(tree)
    if found is None:
        for key, child in children(tree):
            yield from _domains(child, (*place, key))
        return
    kind, argument = found
    yield place, len(argument)
    if kind == "choice":
        for number, option in enumerate(argument):
            yield from _domains(option, setting_place(place, kind, number))


def _reaching(tree: Any, place: Place) -> dict[Place, int]:
    """Return the settings of the choices around a place under which its branch is taken."""
    settings: dict[Place, int] = {}
    for n, key in enumerate(place):
        if domain(tree) is not None and key == "choice":
            settings[place[:n]] = int(place[n + 1])
        tree = tree[key]
    return settings


def _corner(tree: dict[str, Any], settings: Mapping[Place, int]) -> Corner:
    """Return the tree at these settings of its domains; 0, the first option or low end, elsewhere."""
    origins: dict[Place, Place] = {}

    def concrete(node: Any, here: Place, origin: Place) -> Any:
        origins[here] = origin
        found = domain(node)
        if found is not None:
            kind, argument = found
            number = settings.get(origin, 0)
            inner = setting_place(origin, kind, number)
            # What is drawn between [2, 9] is no whole number, so its ends are not taken as such.
            end = argument[number] if kind in ("choice", "int") else float(argument[number])
            return concrete(end, here, inner)
        if isinstance(node, dict):
            return {k: concrete(v, (*here, k), (*origin, k)) for k, v in node.items()}
        if isinstance(node, list):
            return [concrete(v, (*here, n), (*origin, n)) for n, v in enumerate(node)]
        return node

    values = concrete(tree, (), ())
    if isinstance(values.get(RECIPE), dict):
        own = {here: origin for here, origin in origins.items() if here[:1] != (RECIPE,)}
        inside = {h[1:]: origin for h, origin in origins.items() if h[:1] == (RECIPE,) and h[1:]}
        origins = own | inside
    return Corner(with_recipe(values), origins)
