"""Domains of a search space that cannot be drawn from."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sweep.space.domains import DOMAINS, children, domain, label
from sweep.space.names import setting_place
from trainables.schema.faults import MAX_WORD, Place
from trainables.schema.text.shown import as_value, as_word


@dataclass(frozen=True)
class DomainFault:
    """A sentence on a bad domain (`must …, but got …`), and its place in the search space."""

    place: Place
    sentence: str


def domain_faults(tree: Any, place: Place = ()) -> Iterator[DomainFault]:
    """Yield a fault for every domain that cannot be drawn from, in every branch.

    Its place ends in the kind of the domain: ("train", "lr", "uniform"). A mapping that looks like a
    misspelt domain, or like two at once, is a fault too, and so is a whole space that is a domain.

    place: that of the node `tree`.
    """
    kind, argument = domain(tree) or ("", tree)
    if kind and not place:
        yield DomainFault(
            (kind,), "must stand below a key: `recipe` chooses several keys of a trial together."
        )
    elif not kind:
        if isinstance(tree, dict) and (sentence := _near_domain_sentence(tree)):
            yield DomainFault((*place, next(iter(tree))), sentence)
            return
        for key, child in children(tree):
            yield from domain_faults(child, (*place, key))
    elif kind == "choice":
        yield from _choice_faults(argument, place)
    elif sentence := _range_sentence(kind, argument):
        yield DomainFault((*place, kind), sentence)


def without_domains(tree: Any, bad: Iterable[Place]) -> Any:
    """Return the tree with None in place of bad domains; None if it is one.

    bad: their places, as `domain_faults` gives them.
    """
    around = {place[:-1] for place in bad if place}

    def without(node: Any, place: Place) -> Any:
        """Return a node with None in place of bad domains."""
        if place in around:
            return None
        if isinstance(node, dict):
            return {key: without(child, (*place, key)) for key, child in node.items()}
        if isinstance(node, list):
            return [without(child, (*place, number)) for number, child in enumerate(node)]
        return node

    return without(tree, ())


def _choice_faults(options: Any, place: Place) -> Iterator[DomainFault]:
    """Yield the faults of a choice, whose place is given, and of the domains inside its options."""
    if not isinstance(options, list) or not options:
        yield DomainFault(
            (*place, "choice"),
            f"must be a list of at least one option, but got {as_value(options)}.",
        )
        return
    labels = [label(option) for option in options]
    num_alike = Counter(map(repr, labels))
    if len(num_alike) < len(labels):
        twice = next(written for written, number in num_alike.items() if number > 1)
        yield DomainFault(
            (*place, "choice"),
            f"must have different options, but {num_alike[twice]} of them are {as_word(twice)}.",
        )
    for number, option in enumerate(options):
        yield from domain_faults(option, setting_place(place, "choice", number))


def _range_sentence(kind: str, argument: Any) -> str:
    """Return a sentence on a bad range, or "" if it can be drawn from."""
    if not _is_range(argument, whole=kind == "int"):
        numbers = "whole numbers" if kind == "int" else "numbers"
        return f"must be two {numbers} [low, high], but got {as_value(argument)}."
    low, high = argument
    if low >= high:
        return f"must have low < high, but got {as_value(argument)}."
    if kind == "loguniform" and low <= 0:
        return f"must be above 0, as the logarithm is drawn, but got {as_value(argument)}."
    return ""


def _near_domain_sentence(node: Mapping[Any, Any]) -> str:
    """Return a sentence on a mapping that is no domain but looks like one, or "" if it does not."""
    if len(node) > 1 and set(node) <= set(DOMAINS):
        return f"must be one domain, but got {', '.join(node)}."
    if len(node) == 1 and isinstance(next(iter(node.values())), list):
        (key,) = node
        if close := difflib.get_close_matches(str(key)[:MAX_WORD], DOMAINS, n=1, cutoff=0.75):
            return f"is no known domain (known: {', '.join(DOMAINS)}); did you mean {close[0]!r}?"
    return ""


def _is_range(argument: Any, *, whole: bool) -> bool:
    """Return whether an argument is a list of two finite numbers; `whole`: of two integers."""
    return (
        isinstance(argument, list)
        and len(argument) == 2
        and all(
            isinstance(end, int if whole else (int, float))
            and not isinstance(end, bool)
            and (isinstance(end, int) or math.isfinite(end))
            for end in argument
        )
    )
