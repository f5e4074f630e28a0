"""Elastic weight consolidation: a penalty on weights that move, by their Fisher information."""

from __future__ import annotations

import copy
import hashlib
import json
import logging
import random
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from trainables.assets import cache
from trainables.data import sources, tables
from trainables.data.sets import TEXT_SETS
from trainables.regularisers.base import Regulariser

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.models.language_model import LanguageModel

log = logging.getLogger(__name__)


class Fisher(Regulariser):
    """(weight / 2) · Σ Fᵢ (θᵢ − θ₀ᵢ)², over all trained weights.

    θ₀ are the base weights. F is the diagonal of the base's Fisher information on general text: the
    mean over `examples` texts of the square of the gradient of each text's log p, which is summed over
    its tokens, in nats. (The square of the mean gradient of a batch is smaller.) of chooses the log p:

    data:  of the text as it is (the empirical Fisher information);
    model: of tokens drawn from the base's own predictions (the true Fisher information).

    With `normalised` F is divided by its mean over all weights. The scale of F depends on the texts
    and the model, so that a given `weight` has otherwise another effect for each. mean(F) is logged.

    Zero at the base weights, never below 0, unbounded above. F is computed once for all trials.

    Source: Kirkpatrick et al. 2017 (arXiv 1612.00796), equation 3.
    """

    holds_weights: ClassVar[bool] = True

    name: Literal["fisher"] = "fisher"
    weight: float = Field(100.0, ge=0)
    data: str = "bold_wikipedia"
    examples: int = Field(64, ge=1)
    of: Literal["data", "model"] = "data"
    normalised: bool = False
    max_tokens: int = Field(128, ge=2)

    @field_validator("data")
    @classmethod
    def _data_is_known(cls, name: str) -> str:
        """Return the name, if it is a known set of general texts or a file."""
        return sources.check_name(name, TEXT_SETS, "general texts")

    @property
    def texts_from(self) -> str:
        """The set of general texts that F is computed from."""
        return self.data

    def weight_loss(self, model: LanguageModel) -> Tensor:
        """Return half the weighted sum of F · squared distance from the base: a scalar."""
        settings = self.model_copy(update={"weight": 0.0})
        key = (settings, sources.digest(self.data))
        fisher = model.memo("fisher", key, lambda: _cached_diagonal(settings, model))
        terms = [
            (fisher[name] * (weight.float() - base.float()).square()).sum()
            for name, weight, base in model.trained()
        ]
        return self.weight / 2 * sum(terms[1:], terms[0])


def _cached_diagonal(settings: Fisher, model: LanguageModel) -> dict[str, Tensor]:
    """Return {weight name: F} on the model's device, from the cache folder or computed now.

    With `normalised` it is divided by its mean, which is logged.
    """
    from safetensors.torch import load_file, save_file

    data_digest = sources.digest(settings.data)
    parts_of_key = [
        cache.source_digest("data", "models", "regularisers/fisher.py"),
        model.digest,
        data_digest,
        settings.model_dump(exclude={"weight"}),
    ]
    key = hashlib.sha256(json.dumps(parts_of_key).encode()).hexdigest()[:24]

    def build(folder: Path) -> None:
        """Compute F and write it into a folder of the cache."""
        with cache.unchanged_while_read(
            data_digest, settings.data, lambda: sources.digest(settings.data)
        ):
            save_file(diagonal(settings, model), folder / "fisher.safetensors")

    fisher = load_file(cache.once(f"fisher/{key}", build) / "fisher.safetensors")
    total = sum(values.sum() for values in fisher.values())
    mean = float(total / sum(values.numel() for values in fisher.values()))
    log.info("fisher: mean(F) = %.3g", mean)
    scale = mean if settings.normalised else 1.0
    return {name: (values / scale).to(model.device) for name, values in fisher.items()}


def diagonal(settings: Fisher, model: LanguageModel) -> dict[str, Tensor]:
    """Return {weight name: F} of the base model, on the CPU, before it is normalised.

    Texts are drawn from those that may be replayed, so none is measured on.
    """
    import torch

    from trainables.data.queries import room, training_query
    from trainables.determinism import only_repeatable_kernels
    from trainables.models.forward import predict

    texts = tables.texts(settings.data, "replay", model.tokenizer)["ids"]
    numbers = random.Random("fisher").sample(range(len(texts)), min(settings.examples, len(texts)))
    max_tokens = min(settings.max_tokens, room(model.tokenizer))
    module = copy.deepcopy(model.base).requires_grad_(True)
    weights = dict(module.named_parameters())
    sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    generator = torch.Generator(model.device).manual_seed(0)
    with torch.enable_grad(), only_repeatable_kernels(model.takes_repeatable_kernels):
        for number in numbers:
            ids = texts[number][:max_tokens]
            batch = model.batch([training_query(model.tokenizer, ids, f"fisher {number}")])
            logits_NV = predict(module, batch.places_N, batch.inputs).logits_NV
            log_prob_NV = logits_NV.log_softmax(-1)
            targets_N = batch.targets_BT[batch.predicted_BT]
            if settings.of == "model":
                draws = torch.multinomial(log_prob_NV.detach().exp(), 1, generator=generator)
                targets_N = draws[:, 0]
            log_prob = log_prob_NV.gather(1, targets_N[:, None]).sum()
            gradients = torch.autograd.grad(log_prob, list(weights.values()), allow_unused=True)
            for name, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    sums[name] += gradient.square()
    return {name: (total / len(numbers)).cpu() for name, total in sums.items()}
