"""The contract of a scheduler, which may end trials before their last step."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.metrics.metric import Metric

Decision = Literal["CONTINUE", "STOP"]  # as Ray Tune spells them


class TuneScheduler(Protocol):
    """A ray.tune TrialScheduler, of which only the method that may end a trial early is declared.

    The other methods are those of Tune's FIFOScheduler, which starts trials in the order of their
    numbers.
    """

    def on_trial_result(
        self, tune_controller: Any, trial: Any, result: Mapping[str, Any]
    ) -> Decision:
        """Return the decision on a trial after one of its reports.

        CONTINUE lets it go on. STOP ends it: it counts as pruned, and is on no front. The PAUSE of
        Tune is not allowed: the state of a trial is not kept in the way that Tune would need.

        Args:
            tune_controller: Tune's loop.
            trial: Tune's trial; sweep.trial_request.TrialRequest.of(trial.config) has its number.
            result: the report as Tune passes it on. sweep.workers.result.TrialResult.of(result) has
                the metrics by name, and `progress`, in (0, 1], which is 1 at the last report.
        """
        ...


class Scheduler(Strict):
    """Settings of a scheduler, from which the Ray Tune scheduler is built."""

    name: str

    @abstractmethod
    def build(self, goals: Mapping[str, Metric]) -> TuneScheduler | None:
        """Return a scheduler for the trials of one sweep, or None if every trial runs to its end.

        It must not need Tune's own `metric` and `mode`, since a sweep has several goals and Tune knows
        one metric and one mode. Its state is lost when the sweep is interrupted.

        Args:
            goals: name -> metric that the sweep trades off; `Metric.cost` turns its values so that
                lower is better.
        """
