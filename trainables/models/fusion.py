"""The model that is measured, where it is not the very one that is trained."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


@contextmanager
def fused_weights(model: LanguageModel, alpha: float) -> Iterator[None]:
    """The model's module at θ₀ + α (θ − θ₀), and back at θ afterwards, bit for bit.

    Adapters are merged: their part in a weight is its θ − θ₀, and the module is the plain one.
    α = 1 is the trained model, 0 the base, 0.5 halfway between (WiSE-FT, Wortsman et al. 2022,
    arXiv 2109.01903), and −1 what was learnt, negated (Ilharco et al. 2023, arXiv 2212.04089).
    """
    if alpha == 1 and model.adapters is None:
        yield
        return
    kept = []
    with torch.no_grad():
        adapted = _adapted(model)
        for name, weight, start in model.weights():
            if name in adapted or (weight.requires_grad and model.adapters is None):
                kept.append((weight, weight.data.clone()))
                layer = adapted.get(name)
                update = layer.get_delta_weight("default") if layer else weight.float() - start
                weight.data.copy_(start.float() + alpha * update.float())
    if model.adapters is not None:
        model.adapters.disable_adapter_layers()
    try:
        yield
    finally:
        if model.adapters is not None:
            model.adapters.enable_adapter_layers()
        for weight, value in kept:
            weight.data.copy_(value)


def _adapted(model: LanguageModel) -> dict[str, Any]:
    """The layers with an adapter, by the name of the weight that it is added to."""
    return {
        f"{name}.weight": layer
        for name, layer in model.module.named_modules()
        if hasattr(layer, "get_delta_weight")
    }
