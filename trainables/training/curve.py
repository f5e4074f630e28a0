"""The course of a training: loss, its terms, norm of the gradient and learning rate, by step."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from trainables.training.loss import Loss
from trainables.training.ranks import ALONE, Ranks

MAX_POINTS = 100  # of one trial, whatever its steps


class Curve:
    """Notes the course of a training at no more than MAX_POINTS of its steps, evenly apart.

    The numbers stay on the model's device until they are taken, so that no step waits for them.
    """

    def __init__(self, num_steps: int, ranks: Ranks = ALONE) -> None:
        """Note the steps 1, 1 + k, 1 + 2k, … of `num_steps`, where k = ⌈num_steps / MAX_POINTS⌉.

        ranks: the place of this process among those that train the model together.
        """
        self._ranks = ranks
        self._stride = math.ceil(num_steps / MAX_POINTS)
        self._points: dict[int, dict[str, Tensor | float]] = {}

    def note(self, step: int, losses: Iterable[Loss], lr: float, gradient_norm: float) -> None:
        """Note a step that was made, if it is one of those that are noted.

        Args:
            step: its number, from 1.
            losses: of its micro-batches in this process, at the weights before the step.
            lr: its learning rate.
            gradient_norm: of its gradient, before clipping.
        """
        if (step - 1) % self._stride:
            return
        text_nll, objective, regulariser = map(sum, zip(*losses, strict=True))
        self._points[step] = {
            "text_nll": text_nll,
            "objective": objective,
            "regulariser": regulariser,
            "gradient_norm": gradient_norm,
            "lr": lr,
        }

    def take(self) -> dict[int, dict[str, float]]:
        """Return step -> name -> number for the steps noted since the last call, and forget them.

        The names are `loss`, the sum of the terms; `text_nll`, `objective` and `regulariser`, its terms
        as in `Loss`; `gradient_norm`; and `lr`. A number may be NaN or infinite if training diverged.
        The terms are summed over all processes, each of which must call this at the same step.
        """
        points, self._points = self._points, {}
        on_device = [v for values in points.values() for v in values.values() if torch.is_tensor(v)]
        # All at once: each transfer from a GPU waits for it.
        numbers = iter(torch.stack([v.float() for v in on_device]).tolist() if on_device else ())
        taken = {
            step: {
                name: next(numbers) if torch.is_tensor(value) else float(value)
                for name, value in values.items()
            }
            for step, values in points.items()
        }
        sums = iter(self._ranks.summed([v[term] for v in taken.values() for term in Loss._fields]))
        summed = {
            step: v | {term: next(sums) for term in Loss._fields} for step, v in taken.items()
        }
        return {
            step: {"loss": v["text_nll"] + v["objective"] + v["regulariser"], **v}
            for step, v in summed.items()
        }
