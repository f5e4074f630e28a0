"""Show how a sweep goes, in the terminal and in MLflow: the analysis put into `sweep/display`."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.record.sweep import Sweep
    from sweep.display.candidates import MeasuredModel
    from sweep.display.drawer import Drawer
    from sweep.display.mlflow_page import MlflowPage
    from sweep.display.progress import FrontMeasure
    from sweep.driver.running_sweep import RunningSweep
    from trainables.metrics.metric import Metric


def callbacks(running: RunningSweep) -> list[Any]:
    """Return the callbacks of Ray Tune that show how a sweep goes.

    These are the progress in the terminal and the page in MLflow. The page is open while trials run
    and draws its last front when no trial runs any more.
    """
    drawer = running.while_trials_run.enter_context(_drawer(running))
    progress, page = _progress_and_page(running, drawer)
    return [progress, running.while_trials_run.enter_context(page)]


def draw_last_front(running: RunningSweep) -> None:
    """Draw in MLflow the front of a sweep that does not run any more."""
    with _drawer(running) as drawer, _progress_and_page(running, drawer)[1]:
        pass


def _drawer(running: RunningSweep) -> Drawer:
    """Return what draws the fronts of a sweep, not yet open."""
    from sweep.display.drawer import Drawer

    record = running.record
    return Drawer(running.spec.name, record.tracking_uri, record.runs_url)


def _progress_and_page(running: RunningSweep, drawer: Drawer) -> tuple[Any, MlflowPage]:
    """Return the progress in the terminal and the page in MLflow of a sweep, neither of them open."""
    from sweep.cli.options import console
    from sweep.display.mlflow_page import MlflowPage
    from sweep.display.progress import Progress

    size_and_volume = front_measure(list(running.goals.values()))
    earlier, base = _earlier_models(running)
    models = list(chain(*earlier.values()))
    progress = Progress(running, size_and_volume, console(), models, base)
    page = MlflowPage(running, drawer.draw, progress, size_and_volume, earlier, base)
    return progress, page


def front_measure(goals: Sequence[Metric]) -> FrontMeasure:
    """Return a function that measures the front of candidates, each given as goal -> value."""
    from analysis import pareto

    def size_and_volume(candidates: Sequence[Mapping[str, float]]) -> tuple[int, float]:
        if not candidates:
            return 0, 0.0
        values = [[candidate[goal.name] for goal in goals] for candidate in candidates]
        costs = pareto.share_costs(values, goals)
        volume = pareto.hypervolume(costs, reference=[1.0] * len(goals))
        return int(pareto.front(costs).sum()), volume

    return size_and_volume


def _earlier_models(
    running: RunningSweep,
) -> tuple[dict[int, list[MeasuredModel]], dict[str, float]]:
    """Return what was recorded before a resume.

    That is the models of each complete trial, and the metrics of the base model. These may be there
    before a trial has ended: one that goes on from a checkpoint does not measure them again.
    """
    from analysis.record.names import TrialState
    from analysis.record.recipes import SEED, seed_in
    from sweep.display.candidates import MeasuredModel, names_of, recipe_at

    if not running.earlier_outcomes and not running.record.has_base_metrics():
        return {}, {}
    sweep, names = _read(running), names_of(running.spec)
    complete = sweep.rows[sweep.rows["state"] == TrialState.COMPLETE]
    models: dict[int, list[MeasuredModel]] = {}
    for row in complete[complete[names].notna().all(axis=1)].to_dict("records"):
        alpha = None if math.isnan(row["alpha"]) else float(row["alpha"])
        recipe = recipe_at(row["recipe"] or str(row["trial"]), alpha)
        values = tuple(float(row[name]) for name in names)
        seed = seed_in(row.get(SEED, 0))
        models.setdefault(int(row["trial"]), []).append(MeasuredModel(recipe, seed, values))
    return models, sweep.base


def _read(running: RunningSweep) -> Sweep:
    """Return a sweep as MLflow has it now."""
    from analysis.record import reader

    return reader.read_sweep(running.spec.name, tracking_uri=running.record.tracking_uri)
