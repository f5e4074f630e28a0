"""Domains of a search space that cannot be drawn from."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweep.space.domains import DOMAINS, children, domain, label
from sweep.space.names import ROOT, Names
from trainables.schema.faults import Place


@dataclass(frozen=True)
class Fault:
    """One sentence on a domain, and the place in the file that it is about."""

    place: Place
    sentence: str


def faults(tree: Any, names: Names = ROOT) -> Iterator[Fault]:
    """Yield a fault for every domain that cannot be drawn from, in every branch."""
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        if isinstance(tree, dict) and (wrong := _nearly_domains(tree)):
            yield Fault(names.key(next(iter(tree))).place, wrong)
            return
        for key, child in children(tree):
            yield from faults(child, names.key(key))
        return
    here = names.key(kind).place
    if kind == "choice":
        if not isinstance(argument, list) or not argument:
            yield Fault(here, f"must be a list of at least one option, but got {argument!r}.")
            return
        labels = [label(option) for option in argument]
        written = [repr(each) for each in labels]
        if len(set(written)) < len(written):
            yield Fault(here, f"must have different options, but got {', '.join(written)}.")
        for number, option in enumerate(argument):
            yield from faults(option, names.option(number, labels[number]))
        return
    if not _is_range(argument, whole=kind == "int"):
        numbers = "whole numbers" if kind == "int" else "numbers"
        yield Fault(here, f"must be two {numbers} [low, high], but got {argument!r}.")
        return
    low, high = argument
    if low >= high:
        yield Fault(here, f"must have low < high, but got {argument!r}.")
    elif kind == "loguniform" and low <= 0:
        yield Fault(here, f"must be above 0, as the logarithm is drawn, but got {argument!r}.")


def without(tree: Any, bad: Sequence[Place], place: Place = ()) -> Any:
    """Return the tree with None in place of the domains at these places, as `faults` gives them."""
    if any(each[:-1] == place and each for each in bad):
        return None
    if isinstance(tree, dict):
        return {key: without(child, bad, (*place, key)) for key, child in tree.items()}
    if isinstance(tree, list):
        return [without(child, bad, (*place, n)) for n, child in enumerate(tree)]
    return tree


def _nearly_domains(node: Mapping[Any, Any]) -> str:
    """Return a sentence on a mapping that is meant to be a domain and is none, or nothing."""
    if len(node) > 1 and set(node) <= set(DOMAINS):
        return f"must be one domain, but got {', '.join(node)}."
    if len(node) == 1 and isinstance(next(iter(node.values())), list):
        (key,) = node
        if close := difflib.get_close_matches(str(key), DOMAINS, n=1, cutoff=0.75):
            return f"is no known domain (known: {', '.join(DOMAINS)}); did you mean {close[0]!r}?"
    return ""


def _is_range(argument: Any, *, whole: bool) -> bool:
    return (
        isinstance(argument, list)
        and len(argument) == 2
        and all(
            isinstance(end, int if whole else (int, float))
            and not isinstance(end, bool)
            and math.isfinite(end)
            for end in argument
        )
    )
