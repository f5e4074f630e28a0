"""How a search space may grow while its sweep goes on: by options appended to its choices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any, NamedTuple

from sweep.space.domains import Label, by_label, children, domain
from sweep.space.names import ROOT, Names, setting_place
from trainables.schema.faults import Place
from trainables.schema.text.shown import as_value

ABSENT = object()  # in place of a value that is not there


def choice_labels(tree: Any, names: Names = ROOT) -> dict[str, list[Label]]:
    """Return search name -> labels of the options, for every choice in every branch of a space."""
    kind, argument = domain(tree) or ("", tree)
    labels: dict[str, list[Label]] = {}
    if not kind:
        for key, child in children(tree):
            labels |= choice_labels(child, names.key(key))
    elif kind == "choice":
        options = by_label(argument)
        for number, (label, option) in enumerate(options.items()):
            labels |= choice_labels(option, names.option(number, label))
        labels[names.search] = list(options)
    return labels


class Change(NamedTuple):
    """A value of a tree that differs from an old one.

    place: keys and indices that lead to it.
    old, new: the values; ABSENT where there is none.
    """

    place: Place
    old: Any
    new: Any

    @property
    def sentence(self) -> str:
        """The change as the rest of a sentence that begins with its place."""
        if self.new is ABSENT:
            return f"must stay {as_value(self.old)}, but is gone."
        if self.old is ABSENT:
            return f"must not be new, but is {as_value(self.new)}."
        return f"must stay {as_value(self.old)}, but is {as_value(self.new)}."


def changes(old: Any, new: Any, place: Place = ()) -> Iterator[Change]:
    """Yield every change from an old space to a new one, but for options appended to its choices.

    place: of both in the file.
    """
    old_domain, new_domain = domain(old), domain(new)
    is_mapping = isinstance(old, dict) and isinstance(new, dict)
    if old_domain and new_domain and old_domain[0] == new_domain[0] == "choice":
        options = zip_longest(old_domain[1], new_domain[1], fillvalue=ABSENT)
        for number, (old_option, new_option) in enumerate(options):
            if old_option is not ABSENT:
                yield from changes(old_option, new_option, setting_place(place, "choice", number))
    elif is_mapping and old_domain is new_domain is None:
        for key in {**old, **new}:
            yield from changes(old.get(key, ABSENT), new.get(key, ABSENT), (*place, key))
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (old_item, new_item) in enumerate(zip(old, new, strict=True)):
            yield from changes(old_item, new_item, (*place, number))
    elif old != new:
        yield Change(place, old, new)
