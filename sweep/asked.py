"""What people ask of a running sweep, from any terminal: a tag of its run, which its driver reads.

pause: no new trials.  stop: no new trials, and the sweep ends when the running ones have.
cancel: the sweep ends now.  A single trial is cancelled by its number.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

import ray
from ray.tune import Callback
from ray.tune.experiment import Trial

if TYPE_CHECKING:
    from sweep.tracking import Record

Wish = Literal["go", "pause", "stop", "cancel"]
EVERY_S = 1.0


@dataclass(frozen=True)
class Asked:
    """What is to become of the sweep, and of which trials the end is wanted."""

    wish: Wish = "go"
    cancelled: frozenset[int] = frozenset()

    @classmethod
    def of(cls, tags: dict[str, str]) -> Asked:
        said = tags.get("sweep.asked")
        wish: Wish = next((wish for wish in get_args(Wish) if wish == said), "go")
        return cls(wish, frozenset(map(int, tags.get("sweep.cancelled", "").split())))

    def tags(self) -> dict[str, str]:
        cancelled = " ".join(map(str, sorted(self.cancelled)))
        return {"sweep.asked": self.wish, "sweep.cancelled": cancelled}


class Listener:
    """Hears what is asked, as long as it is open; while MLflow is away what it heard last holds."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self.asked = Asked()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="listener", daemon=True)

    def __enter__(self) -> Listener:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _listen(self) -> None:
        while not self._ended.wait(EVERY_S):
            try:
                self.asked = Asked.of(self._record.tags())
            except Exception:  # the delivery says what is wrong with MLflow
                continue


class Obey(Callback):  # type: ignore[misc]
    """Ends trials whose end is wanted, and lets none be tried again that has failed of itself."""

    def __init__(self, asked: Callable[[], Asked], end_all: Callable[[], None]) -> None:
        self._asked = asked
        self._end_all = end_all

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        if result.get("failure"):
            trial.max_failures = 0

    def on_step_begin(self, iteration: int, trials: list[Trial], **_: Any) -> None:
        asked = self._asked()
        if asked.wish == "cancel":
            self._end_all()
        for trial in trials:
            actor = trial.temporary_state.ray_actor
            if trial.config["number"] in asked.cancelled and actor is not None:
                trial.max_failures = 0
                ray.kill(actor)
