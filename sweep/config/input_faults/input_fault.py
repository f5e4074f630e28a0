"""A fault of a model or of data as a value: the key of a trial, what it has there, and the words."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from trainables.config import TrialConfig
from trainables.evaluators import AnyEvaluator
from trainables.schema.faults import Fault, Place, dotted

KEY = re.compile(r"([a-z_]+(?:\.[a-z_]+)*)(?=:? )")


class InputFault(NamedTuple):
    """What is wrong with a model or with data that a trial names.

    Attributes:
        key: the keys of a trial that lead to the place where it is named.
        value: what the trial has there; of several evaluators, the one that is at fault.
        sentence: what follows the key, with a blank or a colon before it, such as ` must be at most 9,
            but got 50.` or `: pairs.csv must have pairs, but has none.`
        part: the part of the trial around the key, which tells options with the same value apart; None
            where the fault is that of the value in each of them.
    """

    key: Place
    value: Any
    sentence: str
    part: BaseModel | None = None

    def __str__(self) -> str:
        """Return the sentence with the key before it, as that of a spec."""
        return f"{dotted(('trial', *self.key))}{self.sentence}"


def fault_of_evaluator(evaluator: AnyEvaluator, sentence: str) -> InputFault:
    """Return a fault of one evaluator; the sentence is what follows its name."""
    return InputFault(("evaluators",), evaluator, f": {evaluator.name}{sentence}")


def fault_in(trial: TrialConfig, fault: Fault) -> InputFault:
    """Return a fault of a trial with what the trial has at its place, and around it."""
    value, part = value_in(trial, fault.place), value_in(trial, fault.place[:-1])
    return InputFault(fault.place, value, f" {fault.sentence}", part)


def faults_of(check: Callable[[], object], trial: TrialConfig) -> list[InputFault]:
    """Return the fault for which a check of a trial raises ValueError; an empty list if it does not.

    check: its sentences begin with a key of the trial, such as `model.start must be …`; others are
        about the model.
    """
    try:
        check()
    except ValueError as error:
        found = KEY.match(str(error))
        if found is None or found[1].split(".")[0] not in TrialConfig.model_fields:
            return [InputFault(("model", "path"), trial.model.path, f": {error}", trial.model)]
        place = tuple(found[1].split("."))
        value, part = value_in(trial, place), value_in(trial, place[:-1])
        return [InputFault(place, value, str(error)[found.end(1) :], part)]
    return []


def value_in(trial: TrialConfig, key: Place) -> Any:
    """Return what a trial has at a key; None if it has no such key."""
    value: Any = trial
    for step in key:
        value = getattr(value, str(step), None)
    return value
