"""What a running sweep shows: a live table in a terminal, a line a trial anywhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sweep.outcome import outcome_of
from sweep.workers.result import TrialResult
from trainables.metrics.names import DEGENERATE, TRAINED, other_candidates, parse

if TYPE_CHECKING:
    from sweep.driver.running import RunningSweep

# (size, hypervolume) of the front of trials, each given by its goals' values.
Front = Callable[[Sequence[Mapping[str, float]]], tuple[int, float]]


class Progress(Callback):  # type: ignore[misc]
    """A ray.tune Callback that only looks.

    Attributes:
        size_and_volume: of the front so far.

    earlier: the goals of trials that were complete before this process began (of a resumed sweep).
    """

    def __init__(
        self,
        started: RunningSweep,
        front: Front,
        console: Console,
        earlier: Sequence[Mapping[str, float]] = (),
    ) -> None:
        self._spec = started.spec
        self._num_trials = started.num_trials
        self._goals = started.goals
        self._front = front
        self._console = console
        self._delivery, self._outbox = started.delivery, started.outbox
        self._complete = [dict(values) for values in earlier]
        states = [ending.state for ending in started.earlier_outcomes]
        self._counts = {state: states.count(state) for state in ("complete", "pruned", "failed")}
        self._before = len(states)
        self._running: dict[str, float] = {}
        self._began: float | None = None
        self.size_and_volume = front(self._complete)
        self._live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks, but what is shown is not to be restored."""
        return {}

    def setup(self, **_: Any) -> None:
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            total = self._num_trials()
            self._console.print(f"{self._spec.name}: {self._before} of {total} trials done before.")

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        self._began = self._began or time.monotonic()
        self._running[str(trial)] = 0.0
        self._refresh()

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        if reported := TrialResult.of(result):
            self._running[str(trial)] = reported.progress
        self._refresh()

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        result = TrialResult.of(trial.last_result)
        state, failure = outcome_of(result)
        if result is not None and state == "complete":
            own = result.metrics
            alpha = trial.config["trial"].get("fusion", {}).get("alpha", TRAINED)
            candidates = [own, *other_candidates(own, alpha).values()]
            self._complete += [self._values(one) for one in candidates if self._spec.allows(one)]
            self.size_and_volume = self._front(self._complete)
            goals = self._values(own).items()
            shown = "  ".join(f"{parse(name).quantity} {value:.4g}" for name, value in goals)
            if own.get(DEGENERATE) == 1:
                shown += "  degenerate"
            self._ended(trial, state, shown)
        else:
            self._ended(trial, state, failure)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        self._ended(trial, "failed", _last_line(trial.error_file))

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        if self._live is None:
            said = f"{trial} is tried again: {_last_line(trial.error_file)}"
            self._console.print(said, markup=False, highlight=False, soft_wrap=True)

    def on_experiment_end(self, trials: Any, **_: Any) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()
            self._live = None

    def _values(self, found: Mapping[str, Any]) -> dict[str, float]:
        return {name: float(found[name]) for name in self._goals}

    def _ended(self, trial: Any, state: str, shown: str) -> None:
        self._running.pop(str(trial), None)
        self._counts[state] += 1
        if self._live is None:
            size, volume = self.size_and_volume
            width = len(str(self._num_trials()))
            self._console.print(
                f"[{self.num_ended:>{width}}/{self._num_trials()}] {trial} {state}  {shown}"
                f"  | front {size}, hypervolume {volume:.4f} | {self._eta()}{self._not_recorded()}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        self._refresh()

    @property
    def num_ended(self) -> int:
        """Trials of the sweep that have ended, however, before this process or in it."""
        return sum(self._counts.values())

    def _eta(self) -> str:
        """Left to run at the pace so far, of this process alone."""
        here = self.num_ended - self._before
        left = self._num_trials() - self.num_ended
        if left <= 0:
            return "done"
        if not here or self._began is None:
            return "ETA after the first trial"
        return f"ETA {_clock((time.monotonic() - self._began) / here * left)}"

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._table())

    def _table(self) -> Group:
        counts = self._counts
        size, volume = self.size_and_volume
        running = "  ".join(f"{name} {done:.0%}" for name, done in sorted(self._running.items()))
        head = Text.assemble(
            (f"{self._spec.name}  ", "bold"),
            f"{self.num_ended} of {self._num_trials()} trials ended "
            f"({counts['complete']} complete, {counts['pruned']} stopped early, "
            f"{counts['failed']} failed), {self._eta()}",
        )
        table = Table(box=None, pad_edge=False)
        table.add_column("goal")
        table.add_column("best", justify="right")
        table.add_column("unit")
        for name, metric in self._goals.items():
            values = [values[name] for values in self._complete]
            best = f"{min(values, key=metric.cost):.4g}" if values else "–"
            table.add_row(name, best, metric.unit)
        front = Text(f"front: {size} configurations, hypervolume {volume:.4f}")
        below = Text(f"running: {running or '–'}", style="dim")
        below.append(self._not_recorded(), style="yellow")
        return Group(head, table, front, below)

    def _not_recorded(self) -> str:
        trouble = self._delivery.trouble
        if not trouble:
            return ""
        return (
            f" | {self._outbox.num_waiting} entries wait for MLflow ({trouble.partition(':')[0]})"
        )


def _last_line(error_file: str | None) -> str:
    """What Tune wrote down of the exception, or of the death, of a trial's process."""
    lines = Path(error_file).read_text().split("\n") if error_file else []
    said = [line.strip() for line in lines if line and not line.startswith((" ", "\t"))]
    return said[-1] if said else "its process failed"


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
