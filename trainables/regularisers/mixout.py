"""Mixout: in training, replace weights by those of the base at random."""

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
    """In training replace each weight θ by [(1 − m) · θ₀ + m · θ − p · θ₀] / (1 − p).

    m ~ Bernoulli(1 − p) and θ₀ is the weight in the base. m is drawn anew in each forward for every
    weight of every linear layer. The expectation is θ, and θ is measured. p = 0 is plain training;
    the nearer p is to 1, the stronger the pull to the base. Nothing is added to the loss.

    Source: Lee et al. 2020 (arXiv 1909.11299), equation 5, with p = 0.9 as in the authors' example.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["mixout"] = "mixout"
    p: float = Field(0.9, ge=0, lt=1)

    @contextmanager
    def training(self, model: LanguageModel) -> Iterator[None]:
        """Return a context in which every linear layer multiplies by its mixed weight in training."""
        from trainables.models.architecture import is_linear

        with ExitStack() as undo:
            base = dict(model.base_in_dtype.named_modules())
            for name, layer in model.module.named_modules():
                if is_linear(layer):
                    layer.forward = partial(self.forward, layer, base[name])
                    undo.callback(delattr, layer, "forward")
            yield

    def forward(self, layer: nn.Linear, base_layer: nn.Linear, states: Tensor) -> Tensor:
        """Return layer(states), with a mixed weight while the layer is in training mode.

        base_layer: the same layer of the base model.
        """
        from torch.nn.functional import linear

        weight: Any = layer.weight
        if layer.training and self.p:
            weight = self.mixed(weight, base_layer.weight)
        if type(layer).__name__ == "Conv1D":  # GPT-2's linear layer, whose weight is transposed
            weight = weight.T
        return linear(states, weight, layer.bias)

    def mixed(self, weight: Tensor, base: Tensor) -> Tensor:
        """Return one draw of the mixed weight: base or base + (weight − base) / (1 − p) elementwise."""
        import torch

        # Drawn in fp32: bf16 has too few numbers between 0 and 1 for a p near 1.
        mask = (torch.rand(weight.shape, device=weight.device) >= self.p).to(weight.dtype)
        return base + mask * (weight - base) / (1 - self.p)
