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

    A key may stand at several places of a spec: in options of a choice, in a recipe, and evaluators in
    their list. The one counts whose value the sentence names: as what it got, else by the longest name,
    and the first of those that are alike.

    fault: such as `trial.alignment.data: pairs.csv must have pairs, but has none.`
    """
    key = re.match(r"[a-z_]+(\.\w+)*", fault)
    target: Place = tuple(key[0].split(".")) if key else ()
    by_place: dict[Place, list[Place]] = defaultdict(list)
    for place in document.lines:
        by_place[_in_trial(place)].append(place)
    sentence = fault[len(key[0]) if key else 0 :]
    places = by_place[target]
    matches = {place: _match(_value(document.tree, place), sentence) for place in places}
    named = sorted(filter(lambda p: any(matches[p]), places), key=matches.__getitem__, reverse=True)
    around = (place for n in range(len(target), -1, -1) for place in by_place[target[:n]])
    found = [*_items(document, places, sentence), *named, *around]
    place = next(place for place in found if place in document.lines)
    return f"{document.head(document.lines[place])}: {fault}"


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


def _items(document: Document, places: list[Place], sentence: str) -> list[Place]:
    """Return the places of the items of lists at these places that a sentence is about.

    It begins with the name of the item. Of several of one name, the one whose settings it names best
    comes first.
    """
    name = sentence.lstrip(": ").split(" ")[0].rstrip(":")
    matches: dict[Place, tuple[bool, int]] = {}
    for place in places:
        items = _value(document.tree, place)
        for number, item in enumerate(items if isinstance(items, list) else []):
            settings = item if isinstance(item, dict) else {"name": item}
            if settings.get("name") == name:
                others = [value for key, value in settings.items() if key != "name"]
                best = max((_match(value, sentence) for value in others), default=(False, 0))
                matches[(*place, number)] = best
    return sorted(matches, key=lambda place: matches[place], reverse=True)


def _match(value: Any, sentence: str) -> tuple[bool, int]:
    """Return how well a sentence names a value: whether as what it got, and with how many characters.

    A part of a longer name, such as pairs.csv in more_pairs.csv, is no name of it.

    >>> _match(50, " must be at most the 9 pairs, but got 50."), _match("bug", ": debug.csv must")
    ((True, 2), (False, 0))
    """
    written = str(value)
    if isinstance(value, dict | list | bool) or value in (None, "") or written not in sentence:
        return False, 0
    name = rf"(?<![\w.-]){re.escape(written)}(?![\w-]|\.\w)"
    is_named = re.search(name, sentence) is not None
    return re.search(rf"got '?{name}", sentence) is not None, len(written) * is_named


def _value(tree: Any, place: Place) -> Any:
    """Return the value at a place of a tree."""
    for step in place:
        tree = tree[step]
    return tree
