"""The three names of a parameter: in the file, in the search and in the record.

Of a trial with

    objective:
      choice:
        - {name: none}
        - {name: gap, weight: {uniform: [0, 1]}}

the weight is called

    objective.choice.1.weight   in the file: the path to its line, which faults of a spec give;
    objective.gap.weight        in the search: Optuna's parameter. It holds the option's label, because
                                another option may search a weight of its own in another range;
    objective.weight            in the record: MLflow's parameter, as TrialConfig.flat has it, and the
                                column of tables. A trial has one objective, so one column will do.

Whoever walks through a space starts at ROOT, and takes `key` and `option` to go on; no other file
puts such names together.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sweep.space.domains import RECIPE, Label, children, domain, label
from trainables.schema.faults import Place


class Names(NamedTuple):
    """What one node of a search space is called.

    place:  the path to it in the file: keys and indices (trainables.schema.faults.dotted writes it).
    search: the dotted name that Optuna knows it by.
    record: the dotted name that MLflow knows it by.

    >>> weight = ROOT.key("objective").option(1, "gap").key("weight")
    >>> weight.place, weight.search, weight.record
    (('objective', 'choice', 1, 'weight'), 'objective.gap.weight', 'objective.weight')
    """

    place: Place = ()
    search: str = ""
    record: str = ""

    def key(self, key: str | int) -> Names:
        """Return the names of what stands under a key of a mapping, or at an index of a list."""
        within = "" if self.record == RECIPE else self.record  # its keys become those of the trial
        return Names((*self.place, key), _join(self.search, key), _join(within, key))

    def option(self, number: int, label: Label) -> Names:
        """Return the names of an option of the choice that has these names."""
        place = setting_place(self.place, "choice", number)
        return Names(place, _join(self.search, label), self.record)


ROOT = Names()


def setting_place(place: Place, kind: str, number: int) -> Place:
    """Return where option `number` of a choice, or end `number` of a range, stands in the file."""
    return (*place, kind, number)


def swept(tree: Any, names: Names = ROOT) -> list[str]:
    """Return the record names of all that tells the trials of a space apart, each once.

    These are what is drawn, and what the options of a choice fix (`sides` of {name: cda, sides:
    two}); the choice itself stands for its options' names.
    """
    return list(dict.fromkeys(_swept(tree, names)))


def _swept(tree: Any, names: Names) -> Iterator[str]:
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        for key, child in children(tree):
            yield from _swept(child, names.key(key))
        return
    yield names.record
    for number, option in enumerate(argument) if kind == "choice" else ():
        inside = names.option(number, label(option))
        yield from _swept(option, inside)
        if isinstance(option, dict) and domain(option) is None:
            yield from _fixed(
                {key: value for key, value in option.items() if key != "name"}, inside
            )


def _fixed(tree: Any, names: Names) -> Iterator[str]:
    """Yield the record names of the scalars of a tree."""
    if isinstance(tree, dict) and domain(tree) is None:
        for key, child in tree.items():
            yield from _fixed(child, names.key(key))
    elif not isinstance(tree, dict | list):
        yield names.record


def searched(tree: Any, names: Names = ROOT) -> Iterator[str]:
    """Yield a line of Markdown for each domain: its search name, and what is drawn from.

    >>> list(searched({"lr": {"loguniform": [1e-6, 1e-4]}, "a": {"choice": [1, None]}}))
    ['`lr` from 1e-06 to 0.0001 (log)', '`a` of 1, None']
    """
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        for key, child in children(tree):
            yield from searched(child, names.key(key))
        return
    if kind != "choice":
        low, high = argument
        scale = " (log)" if kind == "loguniform" else ""
        yield f"`{names.search}` from {low:g} to {high:g}{scale}"
        return
    labels = [label(option) for option in argument]
    yield f"`{names.search}` of {', '.join(map(str, labels))}"
    for number, option in enumerate(argument):
        yield from searched(option, names.option(number, labels[number]))


def _join(name: str, key: object) -> str:
    return f"{name}.{key}" if name else str(key)
