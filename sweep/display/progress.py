"""Progress of a sweep in the terminal: a live table, or a line for each trial if it is no terminal."""

from __future__ import annotations

import re
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.tune import Callback
from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from analysis.record.names import ENDED_STATES, EndState, TrialState
from sweep.display.candidates import MeasuredModel, candidates, measured_by, names_of
from sweep.display.pace import Pace
from sweep.trial_request import TrialRequest
from sweep.workers.result import TrialResult
from trainables.cli.streams import encodable
from trainables.metrics.names import DEGENERATE, parse
from trainables.schema.counted import clock, counted
from trainables.schema.text.printable import printable

if TYPE_CHECKING:
    from sweep.driver.running_sweep import RunningSweep

# Takes candidates, each as goal -> value; returns (size, hypervolume) of their front.
FrontMeasure = Callable[[Sequence[Mapping[str, float]]], tuple[int, float]]

INDENT = "    "  # of a line that goes on
QUIET_S = 60.0  # without a line, after which a report is a reason for one
TABLE_S = 1.0  # between two live tables without a report
TRIED_AGAIN = "is tried again"  # what a line says of a trial whose process has died


class Progress(Callback):  # type: ignore[misc]
    """A ray.tune Callback that shows how many trials have ended, the front so far, and the time left.

    Attributes:
        size_and_volume: number of candidates on the front so far, and its hypervolume.
    """

    def __init__(
        self,
        running: RunningSweep,
        front: FrontMeasure,
        console: Console,
        earlier: Sequence[MeasuredModel] = (),
        base: Mapping[str, float] | None = None,
    ) -> None:
        """Prepare the progress of a sweep; nothing is printed until `setup`.

        Args:
            running: the sweep.
            front: measures the front of candidates.
            console: where the progress is printed.
            earlier: the models that were recorded before this process began.
            base: the metrics of the base model, if they were recorded before this process began.
        """
        self._spec = running.spec
        self._num_trials = running.num_trials
        self._goals = running.goals
        self._front = front
        self._console = console
        self._delivery, self._outbox = running.delivery, running.outbox
        self._models = [*earlier]
        self._base = base or {}
        states = [outcome.state for outcome in running.earlier_outcomes]
        self._counts = {state: states.count(state) for state in ENDED_STATES}
        self._num_before = len(states)
        self._pace = Pace()
        self._new_outcomes = running.new_outcomes
        self._last_line = 0.0  # by the monotonic clock, in seconds, when a line was printed
        self._last_table = 0.0  # the same, when the live table was made
        self._best: dict[str, float] = {}  # goal -> its best value so far
        self._measure()
        self._live: Live | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Return no state: Tune pickles its callbacks, and a resumed sweep makes a new one."""
        return {}

    def setup(self, **_: Any) -> None:
        """Open the live table on a terminal; elsewhere say how many trials there are to run."""
        if self._console.is_terminal:
            self._live = Live(self._table(), console=self._console, refresh_per_second=4)
            self._live.start()
        else:
            total, before = self._num_trials(), self._num_before
            trials = counted(total, "trial")
            done = f"{before} of {trials} done before" if before else trials
            self._console.print(f"{self._spec.name}: {done}.")

    def on_trial_start(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Show a trial as running."""
        if not self._pace.has_begun:
            self._last_line = time.monotonic()
            if self._live is None and not self._base:
                self._print("the base model is measured first.")
        self._pace.start(str(trial))
        self._refresh()

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        """Show the share of its steps that a running trial has made.

        The first report of a trial, before its first step, measures the base model.
        """
        if reported := TrialResult.of(result):
            self._pace.report(str(trial), reported.progress)
            if reported.step == 0 and not self._base:
                self._base = dict(reported.metrics)
        if self._live is None and time.monotonic() - self._last_line > QUIET_S:
            self._print(f"running: {self._running()} | {self._eta()}{self._undelivered()}")
        self._refresh()

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Count a trial that has ended, and its candidates if it is complete."""
        outcome = self._new_outcomes.get(TrialRequest.of(trial.config).number)
        if outcome is None:  # it could not be saved, and the sweep ends
            return
        if outcome.state != TrialState.COMPLETE:
            self._count(trial, outcome.state, printable(outcome.failure))
            return
        result = TrialResult.of(trial.last_result)
        assert result is not None, "a complete trial has reported"
        own = result.metrics
        request = TrialRequest.of(trial.config)
        self._models += measured_by(request, own, names_of(self._spec))
        self._measure()
        goals = self._goals_of(own).items()
        remark = "  ".join(f"{parse(name).quantity} {value:.4g}" for name, value in goals)
        if own.get(DEGENERATE) == 1:
            remark += "  degenerate"
        self._count(trial, "complete", remark)

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Count a trial that has failed by an exception or the death of its process."""
        self.on_trial_complete(iteration, trials, trial)

    def on_step_end(self, iteration: int, trials: Any, **_: Any) -> None:
        """Have the time left in the live table go on between reports, which may be minutes apart."""
        if self._live is not None and time.monotonic() - self._last_table > TABLE_S:
            self._refresh()

    def on_trial_recover(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Print that a trial is tried again, and why, if there is no live table."""
        if self._live is None:
            self._print(f"{trial} {TRIED_AGAIN}: {_reason(trial.error_file)}")

    def on_experiment_end(self, trials: Any, **_: Any) -> None:
        """Close the live table, which stays in the terminal as it was last."""
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
            self._live.stop()
            self._live = None

    def _measure(self) -> None:
        """Bring the best values, and the size and hypervolume of the front, up to date."""
        # A sweep may have thousands of candidates, of which none is kept.
        rows = candidates(self._spec, self._models, self._base)
        self.size_and_volume = self._front(rows)
        if rows:
            for name, metric in self._goals.items():
                self._best[name] = min((row[name] for row in rows), key=metric.cost)

    def _goals_of(self, metrics: Mapping[str, Any]) -> dict[str, float]:
        """Return the values of the goals among these metrics, by name."""
        return {name: float(metrics[name]) for name in self._goals}

    def _count(self, trial: Any, state: EndState, remark: str) -> None:
        """Count a trial that has ended; print a line about it if there is no live table.

        remark: the goals of a complete trial, or the reason of a failure.
        """
        self._pace.end(str(trial), is_complete=state == TrialState.COMPLETE)
        self._counts[state] += 1
        if self._live is None:
            size, volume = self.size_and_volume
            width = len(str(self._num_trials()))
            self._print(
                f"[{self.num_ended:>{width}}/{self._num_trials()}] {trial} {state}  {remark}"
                f"  | front {size}, hypervolume {volume:.4f} | {self._eta()}{self._undelivered()}"
            )
        self._refresh()

    def _running(self) -> str:
        """Return the running trials, each with the share of its steps that it has made."""
        return (
            "  ".join(f"{name} {p:.0%}" for name, p in sorted(self._pace.reported.items())) or "–"
        )

    def _print(self, line: str) -> None:
        """Print a line, which goes on below if it is too long for the console."""
        self._last_line = time.monotonic()
        for text in _folded(encodable(line, self._console.encoding), self._console.width):
            self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @property
    def num_ended(self) -> int:
        """Number of trials of the sweep that have ended in any state, in this process or before."""
        return sum(self._counts.values())

    def _eta(self) -> str:
        """Return the time left in words, at the mean pace of this process so far."""
        num_left = self._num_trials() - self.num_ended
        if num_left <= 0:
            return "done"
        left_s = self._pace.left_s(num_left)
        return "ETA after the first trial" if left_s is None else f"ETA {clock(left_s)}"

    def _refresh(self) -> None:
        """Bring the live table up to date, if there is one."""
        if self._live is not None:
            self._last_table = time.monotonic()
            self._live.update(self._table())

    def _table(self) -> Group:
        """Return the live table: counts of trials, best value of each goal, front, running trials."""
        counts = self._counts
        size, volume = self.size_and_volume
        heading = Text.assemble(
            (f"{self._spec.name}  ", "bold"),
            f"{self.num_ended} of {counted(self._num_trials(), 'trial')} ended "
            f"({counts[TrialState.COMPLETE]} complete, {counts[TrialState.PRUNED]} stopped early, "
            f"{counts[TrialState.FAILED]} failed), {self._eta()}",
        )
        table = Table(box=None, pad_edge=False)
        table.add_column("goal")
        table.add_column("best", justify="right")
        table.add_column("unit")
        for name, metric in self._goals.items():
            best = f"{self._best[name]:.4g}" if name in self._best else "–"
            table.add_row(escape(name), best, escape(metric.unit))
        front = Text(f"front: {counted(size, 'candidate')}, hypervolume {volume:.4f}")
        footer = Text(f"running: {self._running()}", style="dim")
        footer.append(self._undelivered(), style="yellow")
        return Group(heading, table, front, footer)

    def _undelivered(self) -> str:
        """Return how many entries wait for MLflow, and why; empty while MLflow takes them."""
        trouble = self._delivery.trouble
        if not trouble:
            return ""
        waiting = counted(self._outbox.num_waiting, "entry waits", "entries wait")
        return f" | {waiting} for MLflow ({encodable(trouble.partition(':')[0])})"


def _folded(line: str, width: int) -> list[str]:
    """Return a line as lines of at most `width` columns, each but the first with an indent.

    They end where two blanks or a | are, so that a goal stands beside its value; else at a blank.
    """
    pieces = re.split(r"(  | (?=\|))", line)
    lines = [""]
    for separator, part in zip(["", *pieces[1::2]], pieces[::2], strict=True):
        if len(lines[-1] + separator + part) <= width:
            lines[-1] += separator + part
            continue
        parts = textwrap.wrap(part, width - len(INDENT), break_on_hyphens=False)
        lines += [f"{INDENT if n or lines[-1] else ''}{text}" for n, text in enumerate(parts)]
    return [text for text in lines if text]


def _reason(error_file: str | None) -> str:
    """Return why a trial's process failed, in a line, for a trial that has no outcome yet.

    error_file: Tune's file about it; its last line that is not indented holds the exception. Tune
        writes none if it knows of no exception.
    """
    lines = (
        Path(error_file).read_text(encoding="utf-8", errors="replace").split("\n")
        if error_file
        else []
    )
    messages = [line.strip() for line in lines if line and not line.startswith((" ", "\t"))]
    return printable(messages[-1]) if messages else "its process failed"
