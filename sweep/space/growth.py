"""How a search space may grow while its sweep goes on: by options appended to its choices."""

from __future__ import annotations

from typing import Any

from sweep.space.domains import Label, by_label, children, domain
from sweep.space.names import ROOT, Names


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


def is_grown(old: Any, new: Any) -> bool:
    """Return whether a space equals an old one but for options appended to its choices, if any."""
    old_domain, new_domain = domain(old), domain(new)
    if old_domain is not None and new_domain is not None:
        (old_kind, old_argument), (new_kind, new_argument) = old_domain, new_domain
        if old_kind == new_kind == "choice":
            is_longer = len(old_argument) <= len(new_argument)
            return is_longer and all(map(is_grown, old_argument, new_argument))
    if isinstance(old, dict) and isinstance(new, dict) and old_domain is new_domain is None:
        return old.keys() == new.keys() and all(is_grown(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(map(is_grown, old, new))
    return bool(old == new)
