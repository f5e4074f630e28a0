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
class DomainFault:
    """A sentence on a bad domain (`must …, but got …`), and its place in the search space."""

    place: Place
    sentence: str


def domain_faults(tree: Any, names: Names = ROOT) -> Iterator[DomainFault]:
    """Yield a fault for every domain that cannot be drawn from, in every branch.

    Its place ends in the kind of the domain: ("train", "lr", "uniform"). A mapping that looks like a
    misspelt domain, or like two at once, is a fault too.
    """
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        if isinstance(tree, dict) and (sentence := _near_domain_sentence(tree)):
            yield DomainFault(names.key(next(iter(tree))).place, sentence)
            return
        for key, child in children(tree):
            yield from domain_faults(child, names.key(key))
    elif kind == "choice":
        yield from _choice_faults(argument, names)
    elif sentence := _range_sentence(kind, argument):
        yield DomainFault(names.key(kind).place, sentence)


def without_domains(tree: Any, bad: Sequence[Place], place: Place = ()) -> Any:
    """Return the tree with None in place of bad domains.

    bad:   their places, as `domain_faults` gives them.
    place: that of the node `tree`.
    """
    if any(bad_place and bad_place[:-1] == place for bad_place in bad):
        return None
    if isinstance(tree, dict):
        return {key: without_domains(child, bad, (*place, key)) for key, child in tree.items()}
    if isinstance(tree, list):
        return [without_domains(child, bad, (*place, n)) for n, child in enumerate(tree)]
    return tree


def _choice_faults(options: Any, names: Names) -> Iterator[DomainFault]:
    """Yield the faults of a choice and of the domains inside its options."""
    place = names.key("choice").place
    if not isinstance(options, list) or not options:
        yield DomainFault(place, f"must be a list of at least one option, but got {options!r}.")
        return
    labels = [label(option) for option in options]
    written = [repr(option_label) for option_label in labels]
    if len(set(written)) < len(written):
        yield DomainFault(place, f"must have different options, but got {', '.join(written)}.")
    for number, option in enumerate(options):
        yield from domain_faults(option, names.option(number, labels[number]))


def _range_sentence(kind: str, argument: Any) -> str:
    """Return a sentence on a bad range, or "" if it can be drawn from."""
    if not _is_range(argument, whole=kind == "int"):
        numbers = "whole numbers" if kind == "int" else "numbers"
        return f"must be two {numbers} [low, high], but got {argument!r}."
    low, high = argument
    if low >= high:
        return f"must have low < high, but got {argument!r}."
    if kind == "loguniform" and low <= 0:
        return f"must be above 0, as the logarithm is drawn, but got {argument!r}."
    return ""


def _near_domain_sentence(node: Mapping[Any, Any]) -> str:
    """Return a sentence on a mapping that is no domain but looks like one, or "" if it does not."""
    if len(node) > 1 and set(node) <= set(DOMAINS):
        return f"must be one domain, but got {', '.join(node)}."
    if len(node) == 1 and isinstance(next(iter(node.values())), list):
        (key,) = node
        if close := difflib.get_close_matches(str(key), DOMAINS, n=1, cutoff=0.75):
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
            and math.isfinite(end)
            for end in argument
        )
    )
