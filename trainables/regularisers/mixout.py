"""Mixout: in training, weights are the base's at random."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainables.regularisers.base import Regulariser

if TYPE_CHECKING:
    from torch import Tensor, nn

    from trainables.models.language_model import LanguageModel


class Mixout(Regulariser):
    """In each forward of training W is [(1 − m) · θ₀ + m · θ − p · θ₀] / (1 − p), m ~ Bernoulli(1 − p).

    Drawn anew for every weight of every linear layer; its expectation is θ, which is what is
    measured. p = 0 is plain training; the nearer p is to 1, the stronger the pull to the base.

    Source: Lee et al. 2020 (arXiv 1909.11299), equation 5, p = 0.9 in the authors' example.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["mixout"] = "mixout"
    p: float = Field(0.9, ge=0, lt=1)

    @contextmanager
    def training(self, model: LanguageModel) -> Iterator[None]:
        with ExitStack() as undo:
            base = dict(model.base_in_dtype.named_modules())
            for name, layer in model.module.named_modules():
                if type(layer).__name__ in ("Linear", "Conv1D"):
                    layer.forward = partial(self.forward, layer, base[name])
                    undo.callback(delattr, layer, "forward")
            yield

    def forward(self, layer: nn.Linear, start: nn.Linear, states: Tensor) -> Tensor:
        """layer(states) with its weight mixed, where it is being trained."""
        from torch.nn.functional import linear

        weight: Any = layer.weight
        if layer.training and self.p:
            weight = self.mixed(weight, start.weight)
        if type(layer).__name__ == "Conv1D":  # GPT-2's linear layer: its weight lies across
            weight = weight.T
        return linear(states, weight, layer.bias)

    def mixed(self, now: Tensor, start: Tensor) -> Tensor:
        """One draw of W."""
        import torch

        # Drawn in fp32: bf16 has too few numbers between 0 and 1 for a p near 1.
        kept = (torch.rand(now.shape, device=now.device) >= self.p).to(now.dtype)
        return start + kept * (now - start) / (1 - self.p)
