"""What a sweep's own run shows in MLflow's interface: what is searched, its front, how that grew.

Pictures and tables are drawn by whom the command line names, from what MLflow has; on a thread, now
and then, and once more at the end. All of it goes through the outbox, so an MLflow that is away
costs a picture at most, which the next one replaces.
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
from sweep.display.description import Drawn, description
from sweep.tracking.entries import Reported, Tagged, now

if TYPE_CHECKING:
    from sweep.display.progress import Front, Progress
    from sweep.driver.running import RunningSweep


log = logging.getLogger(__name__)

PAUSE_S = 30.0  # between two drawings, at least
PAUSE_COSTS = 10.0  # times what the last one took
PATIENCE_S = 10.0  # with an MLflow that is away


NOTE = "mlflow.note.content"  # the tag that MLflow shows as the description of a run


Draw = Callable[[Path], Drawn]  # into a folder: front.html, front.png, front.csv, front.json


class MlflowPage(Callback):  # type: ignore[misc]
    """A ray.tune Callback that only looks, for as long as it is open; closing draws the last front.

    progress: what counts trials and measures their front; it is told of each trial first.
    earlier: the goals of the candidates of each trial that had ended before this process began.
    """

    def __init__(
        self,
        started: RunningSweep,
        draw: Draw,
        progress: Progress,
        front: Front,
        earlier: Mapping[int, Sequence[Mapping[str, float]]],
    ) -> None:
        self._started = started
        self._draw = draw
        self._progress = progress
        self._front = front
        self._earlier = earlier
        self._outbox = started.outbox
        self._recorded: set[int] = set()
        self._on_front: set[int] = set()
        self._ended = threading.Event()
        self._grown = threading.Event()
        self._thread = threading.Thread(target=self._work, name="showcase", daemon=True)

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks, but what is shown is not to be restored."""
        return {}

    def __enter__(self) -> Self:
        record = self._started.record
        self._recorded = record.steps(Series.HYPERVOLUME)
        self._on_front = record.trials_on_front()
        self._describe(Drawn("no trial has ended yet", "", frozenset()))
        rows: list[Mapping[str, float]] = []
        for step, ending in enumerate(self._started.earlier_outcomes, 1):
            rows += self._earlier.get(ending.number, [])
            if step not in self._recorded:  # a kill came between the trial's end and this
                self._grow(step, *self._front(rows))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._grown.set()
        self._thread.join(PATIENCE_S)
        if not self._thread.is_alive() and self._all_is_recorded(at_end=True):
            self._refresh()

    def on_trial_complete(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        self._grow(self._progress.num_ended, *self._progress.size_and_volume)
        self._grown.set()

    def on_trial_error(self, iteration: int, trials: Any, trial: Any, **_: Any) -> None:
        self.on_trial_complete(iteration, trials, trial)

    def _grow(self, step: int, size: int, volume: float) -> None:
        """One point of the curve, whoever says it again."""
        if step not in self._recorded:
            self._recorded.add(step)
            metrics = {Series.FRONT_SIZE: float(size), Series.HYPERVOLUME: volume}
            with suppress(OSError):  # a full disk: resuming says it again
                self._outbox.put(Reported(trial=None, at=now(), step=step, metrics=metrics))

    def _work(self) -> None:
        pause = PAUSE_S
        while not self._ended.wait(pause):
            self._grown.wait()
            self._grown.clear()
            if self._ended.is_set():
                return
            began = time.monotonic()
            if self._all_is_recorded(at_end=False):
                self._refresh()
            pause = max(PAUSE_S, PAUSE_COSTS * (time.monotonic() - began))

    def _all_is_recorded(self, *, at_end: bool) -> bool:
        """Wait until MLflow has what the last trials said; not for one that is away."""
        heard = time.monotonic()
        while not self._outbox.is_delivered:
            if self._ended.is_set() and not at_end:
                return False
            if not self._started.delivery.trouble:
                heard = time.monotonic()
            elif time.monotonic() - heard > PATIENCE_S:
                return False
            time.sleep(0.05)
        return True

    def _refresh(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            try:
                drawn = self._draw(Path(folder))
            except Exception as error:  # of MLflow, of whatever draws: the sweep is worth more
                log.warning("the front could not be drawn: %s: %s", type(error).__name__, error)
                return
            for path in sorted(Path(folder).iterdir()):
                self._outbox.attach(None, path, path.name, to=Artifact.FRONT)
        self._describe(drawn)
        changed = sorted(self._on_front ^ drawn.members)
        self._outbox.put(
            *(
                Tagged(trial=number, tags={Tag.ON_FRONT: str(number in drawn.members).lower()})
                for number in changed
            )
        )
        self._on_front = set(drawn.members)

    def _describe(self, drawn: Drawn) -> None:
        text = description(self._started, drawn)
        self._outbox.put(Tagged(trial=None, tags={NOTE: text}))
