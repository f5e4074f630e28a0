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
    linear layer. The expectation is θ, and θ is measured. p = 0 is plain training; the nearer p is to
    1, the stronger the pull to the base. Nothing is added to the loss. form is

    textbook: an m for every weight, whose gradient is m / (1 − p); the model's own dropout stays.
    authors:  as the authors' code: one m for all weights that an input of the layer has (a column of
              its matrix, as if dropout replaced inputs), a gradient of m, without the 1 / (1 − p), and
              no dropout of the model's own.

    Source: Lee et al. 2020 (arXiv 1909.11299), equation 5, with p = 0.9 as in the authors' example.
    Deviation: biases are not mixed, as in the code, and matrices of all linear layers are, where its
    example has those after a dropout.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["mixout"] = "mixout"
    p: float = Field(0.9, ge=0, lt=1)
    form: Literal["textbook", "authors"] = "textbook"

    @property
    def replaces_dropout(self) -> bool:
        """True for `authors`."""
        return self.form == "authors"

    @contextmanager
    def training(self, model: LanguageModel) -> Iterator[None]:
        """Return a context in which every linear layer multiplies by its mixed weight in training."""
        from trainables.models.structure import is_linear

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
        base: Any = base_layer.weight
        if type(layer).__name__ == "Conv1D":  # GPT-2's linear layer, whose weight is transposed
            weight, base = weight.T, base.T
        if layer.training and self.p:
            weight = self.mixed(weight, base)
        return linear(states, weight, layer.bias)

    def mixed(self, weight_OI: Tensor, base_OI: Tensor) -> Tensor:
        """Return one draw of the mixed weight, base or base + (weight − base) / (1 − p) elementwise.

        Shape OI: outputs, inputs of the layer.
        """
        import torch

        num_outputs, num_inputs = weight_OI.shape
        shape = (1 if self.form == "authors" else num_outputs, num_inputs)
        # Drawn in fp32: bf16 has too few numbers between 0 and 1 for a p near 1.
        mask = (torch.rand(shape, device=weight_OI.device) >= self.p).to(weight_OI.dtype)
        mixed_OI = base_OI + mask * (weight_OI - base_OI) / (1 - self.p)
        if self.form == "authors":
            return mixed_OI.detach() + mask * (
                weight_OI - weight_OI.detach()
            )  # its gradient is mask
        return mixed_OI
