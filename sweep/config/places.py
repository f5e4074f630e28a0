"""Where in the file of a spec a fault of its models or data stands."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from pydantic import BaseModel

from sweep.config.input_faults.input_fault import InputFault
from sweep.space.domains import RECIPE
from trainables.schema.faults import Place
from trainables.schema.strict import by_name
from trainables.schema.yaml_file import Document

# The key of a trial, with `trial` before it -> its places in the file of a spec, in order.
PlacesByKey = Mapping[Place, Sequence[Place]]


def with_lines(document: Document, faults: Iterable[InputFault]) -> Iterator[str]:
    """Yield the sentence of each fault with the file and the line of its place before it.

    A key may stand at several places of a spec: in options of a choice, in a recipe, and evaluators in
    their list. The place counts that has the value of the fault; of several, where what is around it
    is as in the fault, and the first of those. If none has the value, as where a default is at fault,
    it is the first place of the key, or of the nearest one around it.
    """
    places_by_key: dict[Place, list[Place]] = defaultdict(list)
    for place in document.lines:
        places_by_key[_in_trial(place)].append(place)
    for fault in faults:
        is_plugin = isinstance(fault.value, BaseModel)
        find = _places_of_plugin if is_plugin else _places_of_value
        key = ("trial", *fault.key)
        around = (p for n in range(len(key), -1, -1) for p in places_by_key.get(key[:n], ()))
        place = next(chain(find(document.tree, places_by_key, fault), around))
        yield f"{document.head(document.lines[place])}: {fault}"


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


def _places_of_value(tree: Any, places_by_key: PlacesByKey, fault: InputFault) -> list[Place]:
    """Return the places of the key of a fault at which a spec has its value, the likeliest first.

    A word in place of a mapping, which is short for its key `name`, counts as that key.

    tree: the spec.
    """
    key, value, part = ("trial", *fault.key), fault.value, fault.part
    own, around = (
        [p for p in places_by_key.get(k, ()) if _as_in_trial(_value(tree, p)) == value]
        for k in (key, key[:-1])
    )
    written = {place: _around(tree, place) for place in own}
    if isinstance(value, str):
        written |= {place: {"name": value} for place in around}
    return list(written) if part is None else sorted(written, key=lambda p: _rank(written[p], part))


def _around(tree: Any, place: Place) -> Any:
    """Return the mapping of a spec that has a value, which may be an option of a choice there."""
    while isinstance(place[-1], int):
        place = place[:-2]
    return _value(tree, place[:-1])


def _places_of_plugin(tree: Any, places_by_key: PlacesByKey, fault: InputFault) -> list[Place]:
    """Return the places of the key of a fault, or of an item of its list, that have its plugin.

    Where all settings are equal comes first, then where the most are: a trial of a faulty spec lacks
    what is wrong in it.

    tree: the spec.
    """
    key, plugin = ("trial", *fault.key), fault.value
    own_keys = [k for k in places_by_key if k == key or (k[:-1] == key and isinstance(k[-1], int))]
    ranks: dict[Place, tuple[bool, int]] = {}
    for place in chain.from_iterable(places_by_key[k] for k in own_keys):
        written = by_name(_value(tree, place))
        has_name = isinstance(written, dict) and written.get("name") == getattr(
            plugin, "name", None
        )
        if isinstance(written, dict) and has_name:
            ranks[place] = _rank(written, plugin)
    return sorted(ranks, key=ranks.__getitem__)


def _rank(written: dict[str, Any], plugin: BaseModel) -> tuple[bool, int]:
    """Return whether a plugin is another one than that written in a spec, and by how many settings.

    The number is that of the written settings that differ less that of those that are equal.
    """
    settings = plugin.model_dump(mode="json")
    defaults = type(plugin).model_construct().model_dump(mode="json")
    are_equal = [written[key] == settings[key] for key in settings if key in written]
    return defaults | written != settings, len(are_equal) - 2 * sum(are_equal)


def _as_in_trial(value: Any) -> Any:
    """Return a value of a spec as a trial has it, whose lists are tuples."""
    return tuple(value) if isinstance(value, list) else value


def _value(tree: Any, place: Place) -> Any:
    """Return the value at a place of a tree."""
    for step in place:
        tree = tree[step]
    return tree
