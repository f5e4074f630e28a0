"""What shows how a sweep goes: in the terminal, and in MLflow's interface."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from analysis.record.sweep import Sweep
    from sweep.display.description import Drawn
    from sweep.display.mlflow_page import MlflowPage
    from sweep.driver.running import RunningSweep


def callbacks(running: RunningSweep) -> list[Any]:
    """For Tune: the progress, and the showcase, which draws its last front once no trial runs."""
    progress, showcase = _both(running)
    return [progress, running.while_trials_run.enter_context(showcase)]


def last_front(running: RunningSweep) -> None:
    """What the showcase of a sweep that runs no more has still to draw."""
    with _both(running)[1]:
        pass


def _both(running: RunningSweep) -> tuple[Any, MlflowPage]:
    from analysis import pareto
    from analysis.record import reader
    from analysis.views import export, front_files, words
    from sweep.cli.options import console
    from sweep.display.description import Drawn
    from sweep.display.mlflow_page import MlflowPage
    from sweep.display.progress import Progress

    goals = list(running.goals.values())

    def size_and_volume(values: Sequence[Mapping[str, float]]) -> tuple[int, float]:
        if not values:
            return 0, 0.0
        rows = [[row[goal.name] for goal in goals] for row in values]
        costs = pareto.share_costs(rows, goals)
        volume = pareto.hypervolume(costs, reference=[1.0] * len(goals))
        return int(pareto.front(costs).sum()), volume

    def read() -> Sweep:
        return reader.read_sweep(running.spec.name, tracking_uri=running.record.tracking_uri)

    def draw(folder: Path) -> Drawn:
        sweep = read()
        export.draw(sweep, folder)
        table = front_files.to_markdown(sweep, runs_url=running.record.runs_url)
        # The name is the page's title.
        headline = words.headline(sweep).removeprefix(f"{sweep.name}: ")
        return Drawn(headline, table, frozenset(map(int, sweep.front()["trial"])))

    earlier: dict[int, list[dict[str, float]]] = {}
    for row in read().candidates().to_dict("records") if running.earlier_outcomes else []:
        values = {goal.name: float(row[goal.name]) for goal in goals}
        earlier.setdefault(int(row["trial"]), []).append(values)
    progress = Progress(running, size_and_volume, console(), list(chain(*earlier.values())))
    return progress, MlflowPage(running, draw, progress, size_and_volume, earlier)
