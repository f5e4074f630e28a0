"""A sweep as the record has it: its trials as a table, its candidates, its front.

Axes: N models, M goals.
"""

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
from analysis.record.names import TrialState, name_in_spec
from trainables.metrics.metric import Metric
from trainables.metrics.names import TRAINED, is_fused, other_candidates


class UnknownSweep(ValueError):
    """The record has no sweep of this name."""


class Candidate(NamedTuple):
    """A trial's own model, or its weights at another α between the base model (0) and the trained (1).

    trial: the number of the trial.
    alpha: the α of the weights; None stands for the trial's own model.
    """

    trial: int
    alpha: float | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Candidate:
        """Return the candidate that a row of `Sweep.rows` describes."""
        return cls(int(row["trial"]), None if pd.isna(row["alpha"]) else float(row["alpha"]))

    @classmethod
    def parse(cls, word: str) -> Candidate:
        """Return the candidate that `str` writes as this word: NUMBER, or NUMBER@ALPHA.

        Raises:
            ValueError: the word has another form.

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
    """One sweep, as MLflow had it when it was read.

    run_id:      MLflow's id of the sweep's own run, the parent of its trials' runs.
    state:       running, paused, stopping or cancelling; finished, failed, stopped or cancelled; or
                 interrupted, if its driver died or has been silent for a minute.
    num_trials:  trials that the sweep is to run; failed ones that are tried again come on top. None
                 for records of early releases, which do not say it.
    goals:       the metrics that are traded off, in the order of the spec.
    constraints: metric name -> {"min": …, "max": …} in the metric's unit; either may be absent.
    metrics:     every declared metric by name.
    params:      the columns of `trials` that are parameters (dotted names).
    searched:    the parameters that tell trials apart, according to the spec (dotted names).
    trials:      a row for each trial, in the order of their numbers, with the columns
                 trial, state (complete, failed, pruned, running or killed), failure (a sentence, or
                 empty), run_id, seconds (NaN while the trial runs);
                 the parameters (numbers where all values are numbers);
                 the metrics (NaN where none was logged, and for infinity), the standard error of
                 each as se/NAME, and the same at another α as fusion/α/NAME
                 (trainables/metrics/names.py).
    base:        values of the base model by metric name.
    commit:      commit of the code that ran the sweep; empty if that was not in a git repository.
    retries:     numbers of failed trials that a user has asked to run again, and that have not yet.
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
    retries: tuple[int, ...] = ()

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row for each trial, followed by one for each other α at which it was measured.

        The rows have the columns of `trials` under plain metric names, and the column `alpha`, which
        is NaN for the trial's own model. The row of another α has the number, run_id and parameters
        of its trial, but for `fusion.alpha`, which is that α, and `fusion.also`, which is empty: with
        these parameters a new trial would give that model. There is no such row for 0, which is the
        base model, nor for the trial's own α.
        """
        names = [str(name) for name in self.trials]
        fused_names = [name for name in names if is_fused(name)]
        own = self.trials.drop(columns=fused_names).assign(alpha=math.nan)
        complete = self.trials[self.trials["state"] == TrialState.COMPLETE]
        tables = [own]
        for alpha, sources in other_candidates({name: name for name in names}).items():
            fused_sources = list(set(sources.values()) & set(fused_names))
            is_measured = complete[fused_sources].notna().any(axis=1)
            is_other = complete.get("fusion.alpha", TRAINED) != alpha
            trials = complete[is_measured & is_other]
            table = trials[list(sources.values())].set_axis(list(sources), axis=1)
            settings = {"alpha": alpha, "fusion.alpha": alpha, "fusion.also": math.nan}
            tables.append(table.assign(**settings).reindex(columns=own.columns))
        if len(tables) == 1:
            return own
        joined = pd.concat(tables).astype(own.dtypes.to_dict())
        return joined.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)

    def candidates(self) -> pd.DataFrame:
        """Return the rows of `measured` that are within the bounds of every constraint.

        `SweepSpec.allows` in sweep/config/spec.py says the same of one trial that has just ended.
        """
        measured = self.measured()
        is_feasible = pd.Series(True, index=measured.index)
        for name, bounds in self.constraints.items():
            low, high = bounds.get("min"), bounds.get("max")
            is_feasible &= measured[name].between(
                -math.inf if low is None else low, math.inf if high is None else high
            )
        return measured[is_feasible]

    def measured(self) -> pd.DataFrame:
        """Return the rows of complete trials in which every goal is finite."""
        is_complete = self.rows["state"] == TrialState.COMPLETE
        return self.rows[is_complete & self.rows[self._goal_names].notna().all(axis=1)]

    def costs(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Return costs_NM of these rows in the goals, each in its own unit; smaller is better."""
        return np.array(
            [[goal.cost(value) for value in rows[goal.name]] for goal in self.goals]
        ).T.reshape(len(rows), len(self.goals))

    def front(self) -> pd.DataFrame:
        """Return the candidates that no other candidate dominates, best in the first goal first."""
        candidates = self.candidates()
        costs_NM = self.costs(candidates)
        # The last key sorts first; equal costs stay in the order of their numbers.
        order = np.lexsort(costs_NM.T[::-1])
        return candidates.iloc[order[pareto.front(costs_NM)[order]]]

    def dominated_by_base(self, row: Mapping[Any, Any]) -> bool:
        """Return whether the base model is at least as good as a row in every goal, and better in one.

        False if a goal of the base model was not recorded.
        """
        if any(goal.name not in self.base for goal in self.goals):
            return False
        costs = [
            (goal.cost(self.base[goal.name]), goal.cost(row[goal.name])) for goal in self.goals
        ]
        return all(base <= own for base, own in costs) and any(base < own for base, own in costs)

    def hypervolume(self) -> float:
        """Return the volume between the candidates and the goals' worst values.

        0 without candidates, 1 for a perfect model; above 1 only if an ideal was surpassed. It has no
        unit (see `pareto.share_costs`).
        """
        values_NM = self.candidates()[self._goal_names].to_numpy(float)
        return pareto.hypervolume(
            pareto.share_costs(values_NM, self.goals), reference=np.ones(len(self.goals))
        )

    @cached_property
    def swept(self) -> list[str]:
        """Names in `params` that the spec searches. Its `objective` is `objective.name` there."""
        return [p for p in self.params if {p, name_in_spec(p)} & set(self.searched)]

    @property
    def _goal_names(self) -> list[str]:
        """Names of the goals."""
        return [goal.name for goal in self.goals]


def run_id_of(sweep: Sweep, trial: int) -> str:
    """Return MLflow's id of a trial's run, given the number of the trial.

    Raises:
        ValueError: the sweep has no such trial; the message says which numbers it has.
    """
    run_ids = dict(zip(sweep.trials["trial"], sweep.trials["run_id"], strict=True))
    if trial not in run_ids:
        raise ValueError(
            f"sweep {sweep.name} has no trial {trial}; its trials are "
            f"{min(run_ids)} to {max(run_ids)}."
            if run_ids
            else f"sweep {sweep.name} has no trials yet, so no trial {trial}."
        )
    return str(run_ids[trial])
