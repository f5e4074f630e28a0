"""Set a model's weights on the line through the base and the trained model, to measure or save it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


@contextmanager
def fused_weights(model: LanguageModel, alpha: float) -> Iterator[None]:
    """Return a context in which the model's weights are θ₀ + α (θ − θ₀); then they are θ again.

    θ₀ are the base weights and θ the trained ones, which come back bit for bit. Adapters are merged:
    the product of an adapter is the θ − θ₀ of its weight, and the module is a plain one meanwhile.

    α = 1 is the trained model, 0 the base, 0.5 halfway between (WiSE-FT, Wortsman et al. 2022,
    arXiv 2109.01903), and −1 subtracts the update of training (Ilharco et al. 2023,
    arXiv 2212.04089).
    """
    if alpha == 1 and model.adapters is None:
        yield
        return
    trained_values = []
    with torch.no_grad():
        adapted = _adapted_layers(model)
        for name, weight, base in model.weights():
            if name in adapted or (weight.requires_grad and model.adapters is None):
                trained_values.append((weight, weight.data.clone()))
                layer = adapted.get(name)
                update = layer.get_delta_weight("default") if layer else weight.float() - base
                weight.data.copy_(base.float() + alpha * update.float())
    if model.adapters is not None:
        model.adapters.disable_adapter_layers()
    try:
        yield
    finally:
        if model.adapters is not None:
            model.adapters.enable_adapter_layers()
        for weight, value in trained_values:
            weight.data.copy_(value)


def _adapted_layers(model: LanguageModel) -> dict[str, Any]:
    """Return the layers that have an adapter, by the name of the weight that the adapter changes."""
    return {
        f"{name}.weight": layer
        for name, layer in model.module.named_modules()
        if hasattr(layer, "get_delta_weight")
    }
