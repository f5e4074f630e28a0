"""A sweep as the record has it: its trials as a table, its candidates, its front.

A *candidate* is the base model, or a recipe: a trial's own model, or its weights at another α, as the
mean over the recipe's replicates (analysis/record/recipes.py).

Axes: N models, M goals.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import pareto
from analysis.record.names import TrialState, name_in_spec
from analysis.record.recipes import SEED, ItemsOf, failed_seeds, no_items, recipe_rows
from analysis.record.standing import COLUMNS, BaseStanding, Judged, costs, judge
from trainables.metrics.metric import Metric
from trainables.metrics.names import (
    TRAINED,
    is_fused,
    metric_of_df,
    metric_of_error,
    other_candidates,
)

# Columns of the tables of a sweep that are neither parameters nor metrics.
ABOUT_TRIALS = (
    "trial",
    "step",
    "alpha",
    "state",
    "failure",
    "run_id",
    "recipe",
    "seconds",
    "progress",
)
ABOUT_CANDIDATES = ("replicates", "trials", "repeats", "failed_seeds", *COLUMNS)


class UnknownSweep(ValueError):
    """The record has no sweep of this name."""


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
                 trial, state (complete, failed, pruned, lost, running or killed), failure (a
                 sentence, or empty), run_id, recipe (its fingerprint, equal for replicates; empty
                 if none was recorded), seconds (NaN while the trial runs), progress (share of
                 steps made);
                 the parameters (numbers where all values are numbers);
                 the metrics (NaN where none was logged, and for infinity), the standard error of
                 each as se/NAME, and the same at another α as fusion/α/NAME
                 (trainables/metrics/names.py).
    base:        values of the base model by metric name.
    commit:      commit of the code that ran the sweep; empty if that was not in a git repository.
    digests:     sha256 of each model and data set that the sweep began with, by its name.
    definitions: by what it measured: the version of each evaluator as evaluator.NAME, and what a causal
                 model reads before a text as model.start. Early releases recorded none.
    evaluators:  the evaluators with all of their settings; None for records of early releases.
    retries:     numbers of trials that a user has asked to run again, and that have not yet.
    retried:     numbers of trials that were run again, each as a trial of another number.
    lost:        numbers of trials of which the record has lost results, and that nobody has asked for
                 since.
    items_of:    what the items of replicates say (analysis/record/recipes.py), read when asked for.
    chosen_rows: what `rows` is instead, if other models than the last ones are the candidates
                 (analysis/record/history/choice.py); None for these.
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
    digests: dict[str, str] = field(default_factory=dict)
    definitions: dict[str, str] = field(default_factory=dict)
    evaluators: list[dict[str, Any]] | None = None
    retries: tuple[int, ...] = ()
    retried: tuple[int, ...] = ()
    lost: tuple[int, ...] = ()
    items_of: ItemsOf = field(default=no_items, repr=False)
    chosen_rows: pd.DataFrame | None = field(default=None, repr=False)

    @cached_property
    def rows(self) -> pd.DataFrame:
        """A row for each trial, followed by one for each other α at which it was measured.

        The rows have the columns of `trials` under plain metric names, and the column `alpha`, which
        is NaN for the trial's own model. The row of another α has the number, run_id and parameters
        of its trial, but for `fusion.alpha`, which is that α, and `fusion.also`, which is empty: with
        these parameters a new trial would give that model. There is no such row for 0, which is the
        base model, nor for the trial's own α.
        """
        if self.chosen_rows is not None:
            return self.chosen_rows
        names = [str(name) for name in self.trials]
        fused_names = [name for name in names if is_fused(name)]
        own = self.trials.drop(columns=fused_names).copy().assign(alpha=math.nan)
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
        joined = pd.concat(tables).astype(own.dtypes.to_dict()).copy()
        return joined.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)

    def candidates(self) -> pd.DataFrame:
        """Return a row for each recipe of which every goal is finite; the base model has no row.

        The rows have the columns of `rows`, those of `recipe_rows` and the number `failed_seeds`
        (analysis/record/recipes.py), and those of `judge` (analysis/record/standing.py). Constraints
        bound the means. Trials that were stopped early have rows of their own, with their last values,
        and are on no front.

        `SweepSpec.allows` in sweep/config/spec.py says the same as the column `feasible`.
        """
        return self._judged[0]

    def front(self) -> pd.DataFrame:
        """Return the candidates that no other one dominates, best in the first goal first.

        The base model takes part, and has no row (see `base_standing`).
        """
        on_front = self.candidates()[self.candidates()["front"]]
        # The last key sorts first; equal costs stay in the order of their numbers.
        return on_front.iloc[np.lexsort(self.costs(on_front).T[::-1])]

    @property
    def base_standing(self) -> BaseStanding:
        """How the base model stands among the candidates.

        It is `not measured` if it lacks a value of a goal, or of a metric that is constrained.
        """
        return self._judged[1]

    @property
    def front_size(self) -> int:
        """Number of candidates on the front, the base model among them."""
        is_base_on_front = self.base_standing == "on the front"
        return int(self.candidates()["front"].sum()) + is_base_on_front

    @property
    def num_candidates(self) -> int:
        """Number of candidates, the base model among them if it was measured."""
        return len(self.candidates()) + (self.base_standing != "not measured")

    def trials_on_front(self) -> list[int]:
        """Return the numbers of all trials of the recipes on the front, repeated seeds among them."""
        front = self.front()
        return [
            number for column in ("trials", "repeats") for own in front[column] for number in own
        ]

    @cached_property
    def _judged(self) -> Judged:
        """The table that `candidates` returns, and the standing of the base model."""
        has_goals = self.rows[self._goal_names].notna().all(axis=1)
        is_complete = self.rows["state"] == TrialState.COMPLETE
        is_stopped = self.rows["state"] == TrialState.PRUNED
        tables = [
            recipe_rows(
                self.rows[has_goals & is_complete],
                self.metric_names,
                self.items_of,
                {name: metric.bounds for name, metric in self.metrics.items()},
            ),
            # They ended at different steps, so that their mean would be that of no recipe.
            recipe_rows(self.rows[has_goals & is_stopped].assign(recipe=""), []),
        ]
        table = pd.concat([table for table in tables if len(table)] or tables[:1])
        table = table.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)
        num_failed = failed_seeds(self.trials)
        table = table.assign(failed_seeds=[num_failed.get(name, 0) for name in table["recipe"]])
        return judge(table, self.base, self.goals, self.constraints)

    def costs(self, rows: pd.DataFrame) -> NDArray[np.float64]:
        """Return costs_NM of these rows in the goals, each in its own unit; smaller is better."""
        return costs(rows, self.goals)

    def hypervolume(self) -> float:
        """Return the volume between the front, the base model included, and the goals' worst values.

        0 without candidates, 1 for a perfect model; above 1 only if an ideal was surpassed. It has no
        unit (see `pareto.share_costs`).
        """
        values_NM = self.front()[self._goal_names].to_numpy(float)
        if self.base_standing == "on the front":
            values_NM = np.vstack([values_NM, [self.base[name] for name in self._goal_names]])
        return pareto.hypervolume(
            pareto.share_costs(values_NM, self.goals), reference=np.ones(len(self.goals))
        )

    @property
    def logged(self) -> list[str]:
        """Columns of `candidates` that are metrics, their errors or the df of these, goals first."""
        others = {*ABOUT_TRIALS, *ABOUT_CANDIDATES, *self.params}
        names = [str(name) for name in self.candidates() if name not in others]
        return list(dict.fromkeys([*self._goal_names, *names]))

    @property
    def metric_names(self) -> list[str]:
        """Columns of `rows` that are metrics, without their errors."""
        others = {*ABOUT_TRIALS, *self.params}
        names = [str(name) for name in self.rows if name not in others]
        return [n for n in names if metric_of_error(n) is None and metric_of_df(n) is None]

    @cached_property
    def swept(self) -> list[str]:
        """Names in `params` that the spec searches. Its `objective` is `objective.name` there.

        The seed is none of them: it tells replicates apart, and no recipes.
        """
        searched = set(self.searched) - {SEED}
        return [p for p in self.params if {p, name_in_spec(p)} & searched]

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
