"""Where in the file of a spec a fault of its models or data stands."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from sweep.space.domains import RECIPE
from trainables.schema.faults import Place
from trainables.schema.yaml_file import Document


def with_line(document: Document, fault: str) -> str:
    """Return a sentence that begins with its dotted key with the file and the line before it.

    A key may stand at several places of a spec, in options of a choice and in a recipe. The first of
    them counts whose value the sentence names.

    fault: such as `trial.alignment.data: pairs.csv must have pairs, but has none.`
    """
    key = re.match(r"[a-z_]+(\.\w+)*", fault)
    target: Place = tuple(key[0].split(".")) if key else ()
    by_place: dict[Place, list[Place]] = defaultdict(list)
    for place in document.lines:
        by_place[_in_trial(place)].append(place)
    words = set(re.split(r"[\s,;:()']+", fault[len(key[0]) if key else 0 :]))
    places = by_place[target]
    named = [place for place in places if _names(_value(document.tree, place), fault, words)]
    around = (place for n in range(len(target), -1, -1) for place in by_place[target[:n]])
    found = [*_items(document, places, words), *named, *around]
    place = next(place for place in found if place in document.lines)
    return f"{document.path}:{document.lines[place]}: {fault}"


def _in_trial(place: Place) -> Place:
    """Return the place in a trial that a place in the file stands for: without choices and recipe."""
    steps: list[str | int] = []
    for step in place:
        is_option = isinstance(step, int) and steps and steps[-1] == "choice"
        if is_option:
            steps.pop()
        elif not (step == RECIPE and steps == ["trial"]):
            steps.append(step)
    return tuple(steps)


def _items(document: Document, places: list[Place], words: set[str]) -> list[Place]:
    """Return the places of the items of lists at these places that a sentence names."""
    return [
        (*place, number)
        for place in places
        if isinstance(items := _value(document.tree, place), list)
        for number, item in enumerate(items)
        if (item.get("name") if isinstance(item, dict) else item) in words
    ]


def _names(value: Any, fault: str, words: set[str]) -> bool:
    """Return whether a sentence names a value: a word as a part of it, a number as a word."""
    return value in fault if isinstance(value, str) else str(value) in words


def _value(tree: Any, place: Place) -> Any:
    """Return the value at a place of a tree."""
    for step in place:
        tree = tree[step]
    return tree
