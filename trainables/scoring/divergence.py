"""The KL divergence of the model's predictions from its base's, without gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from trainables.scoring import packing

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.models.language_model import LanguageModel


@torch.inference_mode()
def kl_from_base(model: LanguageModel, queries: Sequence[Query]) -> list[list[float]]:
    """Return KL(p₀ ‖ p) in nats at each target of each query, in order.

    p₀ is the base's distribution over the vocabulary, p the model's. Dropout is off meanwhile.
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
        kl_N = (base_log_prob_NV.exp() * (base_log_prob_NV - log_prob_NV)).sum(-1)
        values = iter(kl_N.tolist())
        for q in batch:
            divergences[q] = [next(values) for _ in queries[q].targets]
    model.module.train(was_training)
    return divergences
