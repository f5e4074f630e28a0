"""The contract of a scheduler: which trials end before their last step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.metrics.metric import Metric

Decision = Literal["CONTINUE", "PAUSE", "STOP"]  # as Ray Tune spells them


class TuneScheduler(Protocol):
    """The one method of a ray.tune TrialScheduler that may end a trial early.

    The others are those of Tune's FIFOScheduler, which starts trials in the order of their numbers.
    """

    def on_trial_result(
        self, tune_controller: Any, trial: Any, result: Mapping[str, Any]
    ) -> Decision:
        """Return whether a trial goes on after a report.

        CONTINUE lets it go on. STOP ends it: it counts as pruned, and is on no front. PAUSE keeps its
        checkpoint and frees its place for another trial.

        Args:
            tune_controller: Tune's loop.
            trial: Tune's trial; trial.config["number"] is its number.
            result: holds the report; sweep.workers.result.TrialResult.of(result) has its metrics by
                name, and `progress`, in (0, 1], which is 1 at the last report.
        """
        ...


class Scheduler(Strict):
    """Settings of a scheduler, and the Ray Tune scheduler that they stand for."""

    def build(self, goals: Mapping[str, Metric]) -> TuneScheduler | None:
        """Return a scheduler for the trials of one sweep, or None if each runs to its end.

        It must ask for no metric and no mode of Tune's own, which knows one of each. What it has seen
        of earlier trials is not kept when the sweep is interrupted.

        Args:
            goals: the metrics that are traded off, by name; `Metric.cost` says which way is better.
        """
        raise NotImplementedError
