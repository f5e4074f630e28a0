"""Elastic weight consolidation: a stiffer spring where a weight mattered to the base."""

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

    F is the diagonal of the base's Fisher information on general text: the mean over `examples`
    texts of the square of EACH text's gradient of log p, summed over its tokens, in nats (the
    square of a batch's mean gradient is another, smaller thing). of: data = log p of the text as it
    is (empirical); model = of tokens drawn from the base's own predictions (the true Fisher). With
    `normalised` F is divided by its mean, so that a weight means the same for any model and any F:
    its scale is otherwise that of the texts and of the model; mean(F) is logged.

    Zero at the base weights, never below, unbounded above. F is worked out once for all trials.

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
    def _known(cls, name: str) -> str:
        return sources.check_name(name, TEXT_SETS, "general texts")

    @property
    def texts_from(self) -> str:
        return self.data

    def weight_loss(self, model: LanguageModel) -> Tensor:
        settings = self.model_copy(update={"weight": 0.0})
        fisher = model.memo("fisher", settings, lambda: _kept(settings, model))
        terms = [
            (fisher[name] * (now.float() - start.float()).square()).sum()
            for name, now, start in model.trained()
        ]
        return self.weight / 2 * sum(terms[1:], terms[0])


def _kept(settings: Fisher, model: LanguageModel) -> dict[str, Tensor]:
    """F by the name of the weight, from the cache folder."""
    from safetensors.torch import load_file, save_file

    made_by = cache.source_digest("data", "models", "regularisers/fisher.py")
    asked = [
        made_by,
        model.digest,
        sources.digest(settings.data),
        settings.model_dump(exclude={"weight"}),
    ]
    key = hashlib.sha256(json.dumps(asked).encode()).hexdigest()[:24]

    def build(folder: Path) -> None:
        save_file(diagonal(settings, model), folder / "fisher.safetensors")

    found = load_file(cache.once(f"fisher/{key}", build) / "fisher.safetensors")
    mean = float(sum(of.sum() for of in found.values()) / sum(of.numel() for of in found.values()))
    log.info("fisher: mean(F) = %.3g", mean)
    scale = mean if settings.normalised else 1.0
    return {name: (of / scale).to(model.device) for name, of in found.items()}


def diagonal(settings: Fisher, model: LanguageModel) -> dict[str, Tensor]:
    """F by the name of the weight, on the CPU."""
    import torch

    from trainables.data.queries import training_query
    from trainables.models.forward import predict

    texts = tables.texts(settings.data, "replay", model.tokenizer)["ids"]
    drawn = random.Random("fisher").sample(range(len(texts)), min(settings.examples, len(texts)))
    module = copy.deepcopy(model.base).requires_grad_(True)
    weights = dict(module.named_parameters())
    sums = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    generator = torch.Generator(model.device).manual_seed(0)
    with torch.enable_grad():
        for n in drawn:
            ids = texts[n][: settings.max_tokens]
            row = model.batch([training_query(model.tokenizer, ids, f"fisher {n}")])
            at_N = row.predicted_BT.flatten().nonzero()[:, 0]
            inputs = {"input_ids": row.ids_BT, "attention_mask": row.attention_BT}
            log_prob_NV = predict(module, at_N, inputs).logits_NV.log_softmax(-1)
            targets_N = row.targets_BT[row.predicted_BT]
            if settings.of == "model":
                draws = torch.multinomial(log_prob_NV.detach().exp(), 1, generator=generator)
                targets_N = draws[:, 0]
            log_prob = log_prob_NV.gather(1, targets_N[:, None]).sum()
            gradients = torch.autograd.grad(log_prob, list(weights.values()), allow_unused=True)
            for name, gradient in zip(weights, gradients, strict=True):
                if gradient is not None:
                    sums[name] += gradient.square()
    return {name: (of / len(drawn)).cpu() for name, of in sums.items()}
