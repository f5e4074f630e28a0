"""The three names of a parameter: in the file, in the search and in the record.

Take a trial with

    objective:
      choice:
        - {name: none}
        - {name: gap, weight: {uniform: [0, 1]}}

Its weight is called

    objective.choice.1.weight   in the file: the path to its line, as faults of a spec give it;
    objective.gap.weight        in the search: Optuna's parameter. It holds the option's label, because
                                another option may search a weight of its own in another range;
    objective.weight            in the record: MLflow's parameter, as TrialConfig.flat has it, and the
                                column of tables. A trial has one objective, so one column is enough.

A walk through a space starts at ROOT and goes on by `key` and `option`. The names of a space are put
together here alone. Those of a drawn trial come from trainables/schema/flatten.py, and a plugin's own
name there has `.name` at its end, which analysis.record.names.name_in_spec takes off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from sweep.space.domains import RECIPE, Label, children, domain, label
from trainables.schema.faults import Place
from trainables.schema.text.escaping import in_code, in_markdown


class Names(NamedTuple):
    """The three names of one node of a search space.

    place:  the path to the node in the file: keys and indices (trainables.schema.faults.dotted
            writes it).
    search: its dotted name in Optuna.
    record: its dotted name in MLflow.

    >>> weight = ROOT.key("objective").option(1, "gap").key("weight")
    >>> weight.place, weight.search, weight.record
    (('objective', 'choice', 1, 'weight'), 'objective.gap.weight', 'objective.weight')
    """

    place: Place = ()
    search: str = ""
    record: str = ""

    def key(self, key: str | int) -> Names:
        """Return the names of this node's child: that under a key of a mapping, or at an index."""
        parent = "" if self.record == RECIPE else self.record  # its keys become those of the trial
        return Names((*self.place, key), _join(self.search, key), _join(parent, key))

    def option(self, number: int, label: Label) -> Names:
        """Return the names of option `number` of a choice, where `self` are those of the choice."""
        place = setting_place(self.place, "choice", number)
        return Names(place, _join(self.search, label), self.record)


ROOT = Names()


def setting_place(place: Place, kind: str, number: int) -> Place:
    """Return the place in the file of option `number` of a choice, or of end `number` of a range.

    place: that of the domain. kind: choice, uniform, loguniform or int.
    """
    return (*place, kind, number)


def swept_names(tree: Any, names: Names = ROOT) -> list[str]:
    """Return the record names of all settings in which the trials of a space differ, each once.

    These are the domains, and the settings that an option of a choice fixes: `sides` of
    {name: cda, sides: two}. The name of a choice itself stands for the names of its options.

    >>> swept_names({"objective": {"choice": ["none", {"name": "cda", "sides": "two"}]}, "lr": 0.1})
    ['objective', 'objective.sides']
    """
    return list(dict.fromkeys(_swept(tree, names)))


def _swept(tree: Any, names: Names) -> Iterator[str]:
    """Yield the names that `swept_names` returns, some of them more than once."""
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        for key, child in children(tree):
            yield from _swept(child, names.key(key))
        return
    yield names.record
    for number, option in enumerate(argument) if kind == "choice" else ():
        option_names = names.option(number, label(option))
        yield from _swept(option, option_names)
        if isinstance(option, dict) and domain(option) is None:
            settings = {key: value for key, value in option.items() if key != "name"}
            yield from _fixed(settings, option_names)


def _fixed(tree: Any, names: Names) -> Iterator[str]:
    """Yield the record names of the scalars of a tree."""
    if isinstance(tree, dict) and domain(tree) is None:
        for key, child in tree.items():
            yield from _fixed(child, names.key(key))
    elif not isinstance(tree, dict | list):
        yield names.record


def searched_names(tree: Any) -> list[str]:
    """Return the record names of the settings that have more than one value in a space, each once.

    Unlike `swept_names` it leaves out what an option fixes, unless another option sets it otherwise.
    The name of a part, as in {name: cda}, counts as the part itself.

    >>> searched_names({"objective": {"choice": ["none", {"name": "cda", "sides": "two"}]}})
    ['objective']
    """
    values: dict[str, set[str]] = {}
    for name, value in _values(tree, ROOT):
        values.setdefault(name, set()).add(repr(value))
    return [name for name, different in values.items() if len(different) > 1]


def _values(tree: Any, names: Names) -> Iterator[tuple[str, Any]]:
    """Yield (record name, value) for each value of a space; ends of a range, and numbers of options."""
    kind, argument = domain(tree) or ("", tree)
    if kind:
        num_ends = len(argument) if kind == "choice" else 2
        yield from ((names.record, number) for number in range(num_ends) if num_ends > 1)
        for number, option in enumerate(argument) if kind == "choice" else ():
            yield from _values(option, names.option(number, label(option)))
    elif isinstance(tree, dict | list):
        for key, child in children(tree):
            yield from _values(child, names if key == "name" else names.key(key))
    else:
        yield names.record, tree


def domain_lines(tree: Any, names: Names = ROOT) -> Iterator[str]:
    """Yield a line of Markdown for each domain of a space: its search name, then its values.

    A choice of one option, in which nothing is chosen, has no line.

    >>> list(domain_lines({"lr": {"loguniform": [1e-6, 1e-4]}, "a": {"choice": [1, None]}}))
    ['`lr` from 1e-06 to 0.0001 (log)', '`a` of 1, None']
    """
    kind, argument = domain(tree) or ("", tree)
    if not kind:
        for key, child in children(tree):
            yield from domain_lines(child, names.key(key))
        return
    if kind != "choice":
        low, high = argument
        scale = " (log)" if kind == "loguniform" else ""
        yield f"{in_code(names.search)} from {low:g} to {high:g}{scale}"
        return
    labels = [label(option) for option in argument]
    if len(labels) > 1:
        yield f"{in_code(names.search)} of {in_markdown(', '.join(map(str, labels)))}"
    for number, option in enumerate(argument):
        yield from domain_lines(option, names.option(number, labels[number]))


def _join(name: str, key: object) -> str:
    """Return NAME.KEY, or the key alone below the root."""
    return f"{name}.{key}" if name else str(key)
