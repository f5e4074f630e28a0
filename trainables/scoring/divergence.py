"""The KL divergence of the model's predictions from its base's, without gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from trainables.scoring import packing

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.models.language_model import LanguageModel

MAX_EXPONENT = 80.0  # exp of more than 88 is infinite in fp32


@torch.inference_mode()
def kl_from_base(model: LanguageModel, queries: Sequence[Query]) -> list[list[float]]:
    """Return KL(p₀ ‖ p) in nats at each target of each query, in order; none is below 0.

    It is Σ p₀ (δ + exp(−δ) − 1) with δ = log p₀ − log p over the vocabulary: the same as Σ p₀ δ, but
    each term is 0 or above, so that rounding does not outweigh what a model has moved. p₀ is the base's
    distribution over the vocabulary, p the model's. Where exp(−δ) is too large to be written, the term
    is p + p₀ (δ − 1), which is the same. Dropout is off meanwhile.
    """
    divergences: list[list[float]] = [[] for _ in queries]
    was_training = model.module.training
    model.module.eval()
    lengths = [len(query.ids) for query in queries]
    # Half the tokens of other batches, since two distributions over the vocabulary are in memory.
    for batch in packing.batches(lengths, packing.TOKENS_A_BATCH // 2):
        texts = model.batch([queries[q] for q in batch])
        log_prob_NV = model.logits(texts).float().log_softmax(-1)
        base_log_prob_NV = model.base_logits(texts).float().log_softmax(-1)
        kl_N = divergence(base_log_prob_NV, log_prob_NV)
        values = iter(kl_N.tolist())
        for q in batch:
            divergences[q] = [next(values) for _ in queries[q].targets]
    model.module.train(was_training)
    return divergences


def divergence(base_log_prob_NV: torch.Tensor, log_prob_NV: torch.Tensor) -> torch.Tensor:
    """Return KL(p₀ ‖ p) in nats at each of N places, as kl_from_base computes it, shape [N]."""
    delta_NV = base_log_prob_NV - log_prob_NV
    base_prob_NV = base_log_prob_NV.exp()
    terms_NV = base_prob_NV * (delta_NV + torch.expm1((-delta_NV).clamp_(max=MAX_EXPONENT)))
    is_far_NV = delta_NV < -MAX_EXPONENT
    if is_far_NV.any():
        far_NV = log_prob_NV.exp() + base_prob_NV * (delta_NV - 1)
        terms_NV = torch.where(is_far_NV, far_NV, terms_NV)
    return terms_NV.sum(-1).clamp_min_(0)
