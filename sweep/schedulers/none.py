"""No early stopping."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from sweep.schedulers.base import Scheduler, TuneScheduler

if TYPE_CHECKING:
    from trainables.metrics.metric import Metric


class NoScheduler(Scheduler):
    """Lets every trial run to its end; trials start in the order of their numbers."""

    name: Literal["none"] = "none"

    def build(self, goals: Mapping[str, Metric]) -> TuneScheduler | None:
        """Return None: Tune then uses its FIFOScheduler."""
        return None
