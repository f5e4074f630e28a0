"""Which trials are tried again: those whose process or node has died, and no others."""

from __future__ import annotations

from typing import Any

from ray.tune import Callback

MOST_DEATHS = 3  # under one trial, before it is what kills them


class NoRetry(Callback):  # type: ignore[misc]
    """A ray.tune Callback: what a trial says of its own failure is the last of it."""

    def __getstate__(self) -> dict[str, Any]:
        """Nothing: Tune pickles its callbacks."""
        return {}

    def on_trial_result(
        self, iteration: int, trials: Any, trial: Any, result: dict[str, Any], **_: Any
    ) -> None:
        if result.get("failure"):
            trial.max_failures = 0
