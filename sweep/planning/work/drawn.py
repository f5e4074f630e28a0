"""Trials as a search would draw them, without Optuna, to see what a trial costs on average."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, cast

from pydantic import ValidationError

from sweep.config.spec import SweepSpec
from sweep.space import grid
from sweep.space.draw import suggest
from trainables.config import TrialConfig

NUM_DRAWN = 200


def drawn_trials(spec: SweepSpec, num: int = NUM_DRAWN) -> list[TrialConfig]:
    """Return trials of a spec: evenly spaced points of a grid, of any other space drawn at random.

    The draw is the same each time. Of drawn settings that are no valid trial, which end at once, none
    is returned.
    """
    sampler = spec.search.sampler
    if sampler.is_exhaustive:
        num_points = max(1, -(-spec.num_trials // spec.replicates.seeds))
        every = -(-num_points // num)
        points = [grid.point(spec.trial, n) for n in range(0, num_points, every)]
        return list(_trials(spec, map(_Given, points)))
    return list(_trials(spec, (_AtRandom(random.Random(f"plan {n}")) for n in range(num))))


def _trials(spec: SweepSpec, drawings: Iterator[_Given | _AtRandom]) -> Iterator[TrialConfig]:
    """Yield the trial of each drawing that is a valid one."""
    for drawing in drawings:
        tree = suggest(spec.trial, cast(Any, drawing))
        with suppress(ValidationError):
            yield TrialConfig.model_validate(tree)


class _Given:
    """Stands for Optuna's trial: the values of one point of a grid, by search name."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def suggest_categorical(self, name: str, labels: Sequence[Any]) -> Any:
        """Return the label at this point."""
        return self._values[name]


class _AtRandom:
    """Stands for Optuna's trial: a value for each domain, drawn at random."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng

    def suggest_categorical(self, name: str, labels: Sequence[Any]) -> Any:
        """Return one of the labels."""
        return self._rng.choice(labels)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        """Return a whole number between two ends, both of which may come."""
        return self._rng.randint(low, high)

    def suggest_float(self, name: str, low: float, high: float, *, log: bool) -> float:
        """Return a number between two ends, with `log` evenly between their logarithms."""
        if log:
            return float(min(high, max(low, low * (high / low) ** self._rng.random())))
        return self._rng.uniform(low, high)
