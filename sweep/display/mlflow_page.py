"""The page of a sweep's own run in MLflow: its description, its front, and how the front has grown.

Pictures and tables are drawn from the record in MLflow, by a process of its own (drawer.py), for which
a thread waits while trials run; and once more at the end. Everything goes through the
outbox. So an MLflow that is away costs one picture at most, which the next one replaces.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ray.tune import Callback

from analysis.record.names import Artifact, Series, Tag
from sweep.display.candidates import MeasuredModel, candidates
from sweep.display.description import DrawnFront, description
from sweep.tracking.entries.kinds import Reported, Tagged, now
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.display.progress import FrontMeasure, Progress
    from sweep.driver.running_sweep import RunningSweep


log = logging.getLogger(__name__)

PAUSE_S = 30.0  # least time between two drawings
PAUSE_FACTOR = 10.0  # a pause also lasts so many times the duration of the last drawing
PATIENCE_S = 10.0  # with an MLflow that is away
MAX_DRAWING_S = 60.0  # that a drawing under way is waited for at the end


NOTE = "mlflow.note.content"  # the tag that MLflow shows as the description of a run


# Draws front.html, front.png, front.csv and front.json into a folder; returns the front in words.
Draw = Callable[[Path], DrawnFront]


class MlflowPage(Callback):  # type: ignore[misc]
    """A ray.tune Callback, and a context manager, that keeps the page up to date while it is open.

    Entering writes the description, and the points of the front's curve that a kill has left out.
    Leaving draws the last front.
    """

    def __init__(
        self,
        running: RunningSweep,
        draw: Draw,
        progress: Progress,
        front: FrontMeasure,
        earlier: Mapping[int, Sequence[MeasuredModel]],
        base: Mapping[str, float] | None = None,
    ) -> None:
        """Prepare the page of a sweep; nothing is recorded until it is entered.

        Args:
            running: the sweep.
            draw: draws its front.
            progress: counts trials and measures their front; Tune must call it before this callback.
            front: measures the front of candidates.
            earlier: trial -> its models, for complete trials that ended before this process.
            base: the metrics of the base model, if they were recorded before this process.
        """
        self._running = running
        self._draw = draw
        self._progress = progress
        self._front = front
        self._earlier = earlier
        self._base = base or {}
        self._outbox = running.outbox
        self._recorded_steps: set[int] = set()
        self._on_front: set[int] = set()
        self._is_closing = threading.Event()
        self._has_grown = threading.Event()
        self._thread = threading.Thread(target=self._work, name="mlflow page", daemon=True)

    def __getstate__(self) -> dict[str, Any]:
        """Return no state: Tune pickles its callbacks, and a resumed sweep makes a new one."""
        return {}

    def __enter__(self) -> Self:
        """Open the page: write the description and missing points of the curve, start the thread."""
        record = self._running.record
        self._recorded_steps = record.steps(Series.HYPERVOLUME)
        self._on_front = record.trials_on_front()
        self._describe(DrawnFront(self._num_ended_earlier(), "", frozenset()))
        models: list[MeasuredModel] = []
        for step, outcome in enumerate(self._running.earlier_outcomes, 1):
            models += self._earlier.get(outcome.number, [])
            # A kill may have come between the end of the trial and its point.
            if step not in self._recorded_steps:
                so_far = candidates(self._running.spec, models, self._base)
                self._record_size(step, *self._front(so_far))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the page: stop the thread, and draw the last front if MLflow has every entry."""
        self._is_closing.set()
        self._has_grown.set()
        is_away = self._running.delivery.trouble
        self._thread.join(PATIENCE_S if is_away else MAX_DRAWING_S)
        if not self._thread.is_alive() and self._wait_for_delivery(is_last=True):
            self._refresh()

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Record the size of the front after a trial has ended, and have it drawn anew."""
        self._record_size(self._progress.num_ended, *self._progress.size_and_volume)
        self._has_grown.set()

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        """Record the size of the front after a trial has failed, and have it drawn anew."""
        self.on_trial_complete(iteration, trials, trial)

    def _record_size(self, step: int, size: int, volume: float) -> None:
        """Record a point of the front's curve, unless its step has one.

        Args:
            step: number of trials that have ended.
            size, volume: number of candidates on the front, and its hypervolume.
        """
        if step not in self._recorded_steps:
            self._recorded_steps.add(step)
            metrics = {Series.FRONT_SIZE: float(size), Series.HYPERVOLUME: volume}
            with suppress(OSError):  # a full disk; resuming records the point
                self._outbox.put(Reported(trial=None, at=now(), step=step, metrics=metrics))

    def _work(self) -> None:
        """Draw the front whenever trials have ended, with pauses, until the page closes."""
        pause = PAUSE_S
        while not self._is_closing.wait(pause):
            self._has_grown.wait()
            self._has_grown.clear()
            if self._is_closing.is_set():
                return
            began = time.monotonic()
            if self._wait_for_delivery(is_last=False):
                self._refresh()
            pause = max(PAUSE_S, PAUSE_FACTOR * (time.monotonic() - began))

    def _wait_for_delivery(self, *, is_last: bool) -> bool:
        """Wait until MLflow has every entry of the outbox; return whether it has.

        It gives up once MLflow has been away for PATIENCE_S.

        is_last: whether it goes on waiting while the page closes.
        """
        last_contact = time.monotonic()
        while not self._outbox.is_delivered:
            if self._is_closing.is_set() and not is_last:
                return False
            if not self._running.delivery.trouble:
                last_contact = time.monotonic()
            elif time.monotonic() - last_contact > PATIENCE_S:
                return False
            time.sleep(0.05)
        return True

    def _refresh(self) -> None:
        """Draw the front, and put its files, its description and its members into the outbox.

        If that fails, as on a full disk, a warning is logged and the earlier files stay.
        """
        try:
            with tempfile.TemporaryDirectory() as folder:
                front = self._draw(Path(folder))
                for path in sorted(Path(folder).iterdir()):
                    self._outbox.attach(None, path, path.name, to=Artifact.FRONT)
            self._describe(front)
            changed = sorted(self._on_front ^ front.members)
            self._outbox.put(
                *(
                    Tagged(trial=number, tags={Tag.ON_FRONT: str(number in front.members).lower()})
                    for number in changed
                )
            )
            self._on_front = set(front.members)
        except Exception as error:  # of MLflow, of a plotting library: the sweep must go on
            log.warning("the front could not be drawn: %s", error)

    def _num_ended_earlier(self) -> str:
        """Return how many trials ended before this process, in words."""
        num = len(self._running.earlier_outcomes)
        return (
            f"{counted(num, 'trial has', 'trials have')} ended" if num else "no trial has ended yet"
        )

    def _describe(self, front: DrawnFront) -> None:
        """Put the description of the sweep, with this front, into the outbox."""
        text = description(self._running, front)
        self._outbox.put(Tagged(trial=None, tags={NOTE: text}))
