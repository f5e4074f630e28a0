"""A sweep as the record has it: its trials as a table, its candidates, its front."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import pareto
from trainables.metrics.metric import Metric
from trainables.metrics.names import TRAINED, is_fused, other_candidates


class UnknownSweep(ValueError):
    """No sweep of this name is in the record."""


class Candidate(NamedTuple):
    """A trial's own model, or its weights at another α between the base model and the trained one."""

    trial: int
    alpha: float | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Candidate:
        """That a row of `Sweep.rows` is about."""
        return cls(int(row["trial"]), None if pd.isna(row["alpha"]) else float(row["alpha"]))

    @classmethod
    def parse(cls, word: str) -> Candidate:
        """What `str` gives; raises ValueError for any other word.

        >>> str(Candidate.parse("7@0.25")), Candidate.parse("7")
        ('7@0.25', Candidate(trial=7, alpha=None))
        """
        trial, at, alpha = word.partition("@")
        if not trial.isdecimal():
            raise ValueError(f"{word!r} names no trial")
        return cls(int(trial), float(alpha) if at else None)

    def __str__(self) -> str:
        return f"{self.trial}" if self.alpha is None else f"{self.trial}@{self.alpha:g}"


@dataclass(frozen=True, eq=False)
class Sweep:
    """What MLflow remembers of one sweep, at the moment it was read.

    state:       running, paused, stopping or cancelling; finished, failed, stopped or cancelled; or
                 interrupted, which is what one is whose driver has not been heard of for a minute.
    num_trials:  how many it is to run (None: the record is an old one's); failed ones that are tried
                 again come on top.
    goals:       the metrics that are traded off, in the order of the spec.
    constraints: metric name -> {"min": …, "max": …} in the metric's unit; either may be absent.
    metrics:     every declared metric by name.
    params:      the columns of `trials` that are parameters (dotted names).
    searched:    what the spec says tells trials apart (dotted names).
    trials:      one row a trial, by number: trial, state (complete, failed, pruned, running),
                 failure (a sentence, or empty), run_id, seconds (NaN while it runs), then the
                 parameters (numbers where every value is one), then the metrics (NaN where none
                 was logged, and for infinity), and the standard error of each as se/NAME; what was
                 found at another α has names of its own (trainables/metrics/names.py).
    base:        the base model's values by metric name, as the sweep's own run has them.
    commit:      of the code that ran it; empty where that was no repository.
    """

    name: str
    run_id: str
    state: str
    num_trials: int | None
    goals: list[Metric]
    constraints: dict[str, dict[str, float]]
    metrics: dict[str, Metric]
    params: list[str]
    searched: list[str]
    trials: pd.DataFrame
    base: dict[str, float]
    tracking_uri: str = field(repr=False)  # may carry a password
    commit: str = ""

    @cached_property
    def rows(self) -> pd.DataFrame:
        """The trials, each of them followed by what was found at the other α of a complete one.

        Such a row has the trial's number, run_id and parameters (but for `fusion`, which is as in
        trial_yaml), its α as `alpha` (NaN for the trial itself), and under the plain names of metrics
        what was found there. There is none for 0, the base model, nor for the trial's own α.
        """
        names = [str(name) for name in self.trials]
        fused = [name for name in names if is_fused(name)]
        plain = self.trials.drop(columns=fused).assign(alpha=math.nan)
        complete = self.trials[self.trials["state"] == "complete"]
        tables = [plain]
        for alpha, source in other_candidates({name: name for name in names}).items():
            known = complete[list(set(source.values()) & set(fused))].notna().any(axis=1)
            there = complete[known & (complete.get("fusion.alpha", TRAINED) != alpha)]
            table = there[list(source.values())].set_axis(list(source), axis=1)
            given = {"alpha": alpha, "fusion.alpha": alpha, "fusion.also": math.nan}
            tables.append(table.assign(**given).reindex(columns=plain.columns))
        if len(tables) == 1:
            return plain
        joined = pd.concat(tables).astype(plain.dtypes.to_dict())
        return joined.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)

    def candidates(self) -> pd.DataFrame:
        """The models of complete trials with every goal finite and within every constraint's bounds."""
        measured = self.measured()
        good = pd.Series(True, index=measured.index)
        for name, bounds in self.constraints.items():
            low, high = bounds.get("min"), bounds.get("max")
            good &= measured[name].between(
                -math.inf if low is None else low, math.inf if high is None else high
            )
        return measured[good]

    def measured(self) -> pd.DataFrame:
        """The models of complete trials with every goal finite."""
        models = self.rows
        complete = models["state"] == "complete"
        return models[complete & models[self._goal_names].notna().all(axis=1)]

    def costs(self, trials: pd.DataFrame) -> NDArray[np.float64]:
        """costs_NM of these rows in the goals, each in its own unit; smaller is better."""
        return np.array(
            [[goal.cost(value) for value in trials[goal.name]] for goal in self.goals]
        ).T.reshape(len(trials), len(self.goals))

    def front(self) -> pd.DataFrame:
        """The candidates that no other candidate dominates, best in the first goal first."""
        candidates = self.candidates()
        costs_NM = self.costs(candidates)
        # The last key sorts first; equal costs stay in the order of their numbers.
        order = np.lexsort(costs_NM.T[::-1])
        return candidates.iloc[order[pareto.front(costs_NM)[order]]]

    def dominated_by_base(self, row: Mapping[Any, Any]) -> bool:
        """Whether the base model is at least as good in every goal, and better in one."""
        pairs = [
            (goal.cost(self.base[goal.name]), goal.cost(row[goal.name]))
            for goal in self.goals
            if goal.name in self.base
        ]
        known = len(pairs) == len(self.goals)
        return known and all(b <= c for b, c in pairs) and any(b < c for b, c in pairs)

    def hypervolume(self) -> float:
        """Volume between the candidates and the goals' worst values: 1 for a perfect model.

        Without unit, see `pareto.share_costs`; above 1 only where an ideal was surpassed.
        """
        values_NM = self.candidates()[self._goal_names].to_numpy(float)
        return pareto.hypervolume(
            pareto.share_costs(values_NM, self.goals), reference=np.ones(len(self.goals))
        )

    @cached_property
    def swept(self) -> list[str]:
        """The parameters that tell trials apart, as the spec says; a part stands for its name."""
        return [p for p in self.params if {p, p.removesuffix(".name")} & set(self.searched)]

    @property
    def _goal_names(self) -> list[str]:
        return [goal.name for goal in self.goals]


def run_id_of(sweep: Sweep, trial: int) -> str:
    run_ids = dict(zip(sweep.trials["trial"], sweep.trials["run_id"], strict=True))
    if trial not in run_ids:
        raise ValueError(
            f"sweep {sweep.name} has no trial {trial}; its trials are "
            f"{min(run_ids)} to {max(run_ids)}."
            if run_ids
            else f"sweep {sweep.name} has no trials yet, so no trial {trial}."
        )
    return str(run_ids[trial])
