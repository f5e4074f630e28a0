"""The learning rate of each step, as a share of its peak."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.config import TrainConfig


def lr_factor(train: TrainConfig, step: int) -> float:
    """Return the learning rate of a step as a share of its peak: linear warm-up, then the schedule.

    With S steps, of which W = round(warmup · S) are warm-up, and d = (step − W) / (S − W):
    (step + 1) / (W + 1) while step < W; then 1 (constant), 1 − d (linear), or
    (1 + cos πd) / 2 (cosine). It depends on the step alone, so that resuming is exact.
    """
    warmup = round(train.warmup * train.steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, train.steps - warmup)
    match train.schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - done
        case "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * done))
