"""Show a plan: as lines of at most 80 columns, or as plain values for JSON."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from trainables.cli.output import WIDTH, wrapped
from trainables.cli.streams import encodable
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.planning.interval import Interval
    from sweep.planning.plan import Plan

NAME, VALUE, RANGE = 19, 10, 21  # columns
LONGEST_OPTION = 44
TIMES = ((86400.0, "d"), (3600.0, "h"), (60.0, "min"), (1.0, "s"))
SIZES = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def lines(plan: Plan) -> Iterator[str]:
    """Yield the lines of a plan, none wider than 80 columns."""
    yield from _wrapped(f"{plan.name}: {_trials(plan)}, {plan.slots.num} at once, {plan.where}")
    yield ""
    yield _columns("", "estimate", "range", "rests on")[0]
    for row in plan.rows:
        value, both = "?", "?"
        if row.interval is not None:
            value = amount(row.interval.value, row.unit)
            both = f"{amount(row.interval.low, row.unit)} to {amount(row.interval.high, row.unit)}"
        yield from _columns(row.name, value, both, row.basis)
    if plan.parts:
        yield ""
        yield from _wrapped(_sentence_on_parts(plan))
    if plan.options:
        yield ""
        yield "a trial takes, with"
        for option in plan.options:
            words = f"{option.key}: {option.option}"
            times = amount(option.seconds.value, "s")
            both = f"{amount(option.seconds.low, 's')} to {amount(option.seconds.high, 's')}"
            yield encodable(f"  {_cut(words):<{LONGEST_OPTION}} {times:>9}  {both}")
    if plan.notes:
        yield ""
        for note in plan.notes:
            yield from _wrapped(note)


def as_json(plan: Plan) -> dict[str, Any]:
    """Return a plan as plain values. Each number is an object with low, value, high, unit, basis.

    They are seconds, hours or bytes, not rounded; what is not known is null. The key of a number is the
    name of its row in small letters, with _ for what is none.
    """
    return {
        "sweep": plan.name,
        "trials": plan.num_trials,
        "recipes": plan.num_recipes,
        "seeds": plan.num_seeds,
        "branches": plan.num_branches,
        "slots": {"num": plan.slots.num, "source": plan.slots.source, "here": plan.slots.here},
        "where": plan.where,
        "estimates": {
            _key(row.name): _plain(row.interval) | {"unit": row.unit, "basis": row.basis}
            for row in plan.rows
        },
        "parts_s": {name: _plain(interval) for name, interval in plan.parts.items()},
        "options": [
            {"key": each.key, "option": each.option, "seconds": _plain(each.seconds)}
            for each in plan.options
        ],
        "notes": list(plan.notes),
    }


def amount(value: float, unit: str) -> str:
    """Return a number with two or three digits and a unit of fitting size.

    >>> amount(5400, "s"), amount(0.25, "h"), amount(1.61e9, "bytes"), amount(12.5, "")
    ('1.5 h', '0.25', '1.6 GB', '12')
    """
    if unit == "s":
        size, name = next((each for each in TIMES if value >= each[0]), TIMES[-1])
        return f"{_digits(value / size)} {name}"
    if unit == "bytes":
        size, name = next((each for each in SIZES if value >= each[0]), SIZES[-1])
        return f"{_digits(value / size)} {name}"
    return _digits(value)


def _digits(value: float) -> str:
    """Return a number with two digits, or all before the point."""
    if value >= 9.95:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 0.995 else f"{value:.2g}"


def _trials(plan: Plan) -> str:
    """Return the number of trials in words, with recipes and branches."""
    words = counted(plan.num_trials, "trial")
    if plan.num_seeds > 1:
        words += f" ({counted(plan.num_recipes, 'recipe')} × {plan.num_seeds} seeds)"
    if plan.num_branches is None:
        return f"{words} of more branches than are counted"
    is_plural = plan.num_branches != 1
    return f"{words} of {plan.num_branches} {'branches' if is_plural else 'branch'}"


def _sentence_on_parts(plan: Plan) -> str:
    """Return a sentence on what the mean trial consists of, and on what is done once."""
    seconds = {name: amount(interval.value, "s") for name, interval in plan.parts.items()}
    times = "once" if plan.num_measurements == 1 else f"{plan.num_measurements:.0f} times"
    step = amount(plan.parts["training"].value / max(1.0, plan.num_steps), "s")
    return (
        f"a trial: {seconds['setup']} before its first step, {seconds['training']} of training "
        f"({plan.num_steps:.0f} steps of {step}), {seconds['measuring']} of measuring "
        f"({times}). A worker starts in {seconds['start']}; what is done once, for the base, takes "
        f"{seconds['once']}."
    )


def _columns(name: str, value: str, both: str, basis: str) -> list[str]:
    """Return the lines of a row: the last column goes on below itself."""
    before = f"{encodable(name):<{NAME}} {value:>{VALUE}}   {both:<{RANGE}} "
    rest = textwrap.wrap(encodable(basis), WIDTH - len(before)) or [""]
    return [f"{before}{rest[0]}".rstrip(), *(" " * len(before) + line for line in rest[1:])]


def _wrapped(text: str) -> list[str]:
    """Return a text in lines of 80 columns."""
    return wrapped(text, "  ").split("\n")


def _key(name: str) -> str:
    """Return the name of a row as a key of JSON.

    >>> _key("disk, record"), _key("CPU-hours")
    ('disk_record', 'cpu_hours')
    """
    return "_".join(re.findall(r"\w+", name.lower()))


def _cut(words: str) -> str:
    """Return words that fit into their column."""
    return words if len(words) <= LONGEST_OPTION else f"{words[: LONGEST_OPTION - 1]}…"


def _plain(interval: Interval | None) -> dict[str, float | None]:
    """Return the three numbers of an interval by their names; null for what is not known."""
    if interval is None:
        return {"low": None, "value": None, "high": None}
    return {"low": interval.low, "value": interval.value, "high": interval.high}
