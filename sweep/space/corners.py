"""Concrete trials that stand for a whole search space, with which a spec is checked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Any

from sweep.space.domains import RANGES, RECIPE, children, domain
from sweep.space.draw import completed, with_recipe
from sweep.space.names import setting_place
from trainables.schema.faults import Place

# Combinations of choices; a space with more of them is checked by corners alone.
MAX_BRANCHES = 1000


@dataclass(frozen=True)
class Corner:
    """One concrete tree of a search space, with a value in place of each domain.

    origins: place in the tree -> place in the file that the value came from.
    """

    tree: dict[str, Any]
    origins: Mapping[Place, Place]


def corners(tree: dict[str, Any]) -> Iterator[Corner]:
    """Yield concrete trees that together hold every branch and both ends of every domain.

    The first has the first option and the low end of everything. From there one domain at a time is
    moved through its options or to its high end, and so is each pair of domains of the same mapping,
    since settings that must fit together stand together. So the number of corners does not grow with
    the product of all domains.
    """
    yield from (_corner(tree, settings) for settings in _corner_settings(tree))


def branches(tree: dict[str, Any]) -> Iterator[Corner]:
    """Yield a corner for every combination of all choices, with each range at its low end.

    Settings that must fit together may stand far apart in the file, where `corners` does not move
    them together. Nothing is yielded for a space with more than MAX_BRANCHES combinations.
    """
    if _num_branches(tree) <= MAX_BRANCHES:
        yield from (_corner(tree, settings) for settings in _choice_settings(tree, ()))


def corners_and_branches(tree: dict[str, Any]) -> Iterator[Corner]:
    """Yield what `corners` and `branches` yield, each corner once."""
    yield from (_corner(tree, settings) for settings in _different_settings(tree))


def num_to_check(tree: dict[str, Any], most: int) -> int:
    """Return the number of `corners_and_branches`, none of which is made.

    most: the number of corners from which on branches are not counted.
    """
    num_corners = _num_corners(tree)
    return num_corners if num_corners > most else sum(1 for _ in _different_settings(tree))


def longest_domain(tree: Any) -> Place:
    """Return the place of the domain with the most settings to try; that of the root without any."""
    place, _ = max(_domains(tree, ()), key=lambda found: found[1], default=((), 0))
    return place


def _different_settings(tree: dict[str, Any]) -> Iterator[dict[Place, int]]:
    """Yield the settings of corners and branches, each once."""
    is_few = _num_branches(tree) <= MAX_BRANCHES
    of_branches = _choice_settings(tree, ()) if is_few else iter(())
    found: set[frozenset[tuple[Place, int]]] = set()
    for settings in chain(_corner_settings(tree), of_branches):
        moved = frozenset((place, number) for place, number in settings.items() if number)
        if moved not in found:
            found.add(moved)
            yield settings


def _corner_settings(tree: dict[str, Any]) -> Iterator[dict[Place, int]]:
    """Yield the settings of each corner: place of a domain -> number of its option or end."""
    yield {}
    for place, num_settings in _domains(tree, ()):
        for setting in range(1, num_settings):
            yield _settings_to_reach(tree, place) | {place: setting}
    for neighbours in _neighbours(tree):
        for (first, num_first), (second, num_second) in combinations(neighbours, 2):
            for settings in product(range(1, num_first), range(1, num_second)):
                moved = dict(zip((first, second), settings, strict=True))
                yield _settings_to_reach(tree, first) | moved


def _num_corners(tree: dict[str, Any]) -> int:
    """Return the number of settings that `_corner_settings` yields."""
    num = 1 + sum(num_settings - 1 for _, num_settings in _domains(tree, ()))
    for neighbours in _neighbours(tree):
        moves = [num_settings - 1 for _, num_settings in neighbours]
        num += (sum(moves) ** 2 - sum(move**2 for move in moves)) // 2  # products of all pairs
    return num


def _neighbours(tree: dict[str, Any]) -> Iterable[list[tuple[Place, int]]]:
    """Return the domains of a space, as `_domains` yields them, of each mapping together."""
    by_parent: dict[Place, list[tuple[Place, int]]] = {}
    for place, num_settings in _domains(tree, ()):
        by_parent.setdefault(place[:-1], []).append((place, num_settings))
    return by_parent.values()


def _num_branches(tree: Any) -> int:
    """Return the number of combinations of all choices below a node."""
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        return 1
    if kind == "choice":
        return sum(map(_num_branches, argument))
    return math.prod(_num_branches(child) for _, child in children(tree))


def _choice_settings(tree: Any, place: Place) -> Iterator[dict[Place, int]]:
    """Yield, for every combination of choices below a node: place of a choice -> option number.

    place: that of the node in the file.
    """
    kind, argument = domain(tree) or ("", tree)
    if kind in RANGES:
        yield {}
    elif kind == "choice":
        for number, option in enumerate(argument):
            for settings in _choice_settings(option, setting_place(place, kind, number)):
                yield {place: number} | settings
    else:
        settings_by_child = [
            list(_choice_settings(child, (*place, key))) for key, child in children(tree)
        ]
        for combination in product(*settings_by_child):
            yield {key: value for settings in combination for key, value in settings.items()}


def _domains(tree: Any, place: Place) -> Iterator[tuple[Place, int]]:
    """Yield (place, number of settings to try) of each domain below a node, inside branches too."""
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        for key, child in children(tree):
            yield from _domains(child, (*place, key))
        return
    yield place, len(argument)
    if kind == "choice":
        for number, option in enumerate(argument):
            yield from _domains(option, setting_place(place, kind, number))


def _settings_to_reach(tree: Any, place: Place) -> dict[Place, int]:
    """Return the option number of each choice around a place with which its branch is taken."""
    settings: dict[Place, int] = {}
    for n, key in enumerate(place):
        if domain(tree) is not None and key == "choice":
            settings[place[:n]] = int(place[n + 1])
        tree = tree[key]
    return settings


def _corner(tree: dict[str, Any], settings: Mapping[Place, int]) -> Corner:
    """Return the corner of a space at these settings of its domains.

    settings: place of a domain -> number of its option, or 0 for the low and 1 for the high end of a
        range. Domains that are not listed have setting 0.
    """
    origins: dict[Place, Place] = {}

    def concrete(node: Any, place: Place, origin: Place) -> Any:
        """Return a node without domains; `place` is that in the concrete tree, `origin` in the file."""
        origins[place] = origin
        kind, argument = domain(node) or ("", node)
        if kind:
            number = settings.get(origin, 0)
            # What is drawn between [2, 9] is no whole number, so its ends are not taken as such.
            value = argument[number] if kind in ("choice", "int") else float(argument[number])
            return concrete(value, place, setting_place(origin, kind, number))
        if isinstance(node, dict):
            return {k: concrete(v, (*place, k), (*origin, k)) for k, v in node.items()}
        if isinstance(node, list):
            return [concrete(v, (*place, n), (*origin, n)) for n, v in enumerate(node)]
        return node

    values = concrete(tree, (), ())
    return Corner(with_recipe(values), _with_recipe_origins(values, origins))


def _with_recipe_origins(
    values: Mapping[str, Any], origins: Mapping[Place, Place]
) -> dict[Place, Place]:
    """Return the origins of a concrete tree once the keys of its recipe have become its own.

    values:  the tree, with its recipe.
    origins: of all its places.
    """
    recipe = values.get(RECIPE)
    if not isinstance(recipe, dict):
        return dict(origins)
    in_both = completed(dict(values))
    replaced = recipe.keys() - in_both
    own = {
        place: origin
        for place, origin in origins.items()
        if not place or (place[0] != RECIPE and place[0] not in replaced)
    }
    of_recipe = {
        place[1:]: origin
        for place, origin in origins.items()
        if place[:1] == (RECIPE,) and place[1:] and not (len(place) == 2 and place[1] in in_both)
    }
    return own | of_recipe
