"""How far the model's predictions have moved from its base's, without gradient."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from trainables.scoring.packing import TOKENS_A_BATCH, batches

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.models.language_model import LanguageModel


@torch.inference_mode()
def kl_from_base(model: LanguageModel, queries: Sequence[Query]) -> list[list[float]]:
    """KL(p₀ ‖ p) in nats at each place where a query asks for a token, in order."""
    found: list[list[float]] = [[] for _ in queries]
    was_training = model.module.training
    model.module.eval()
    # Two distributions over the vocabulary at once: half of what the likelihoods take.
    for batch in batches([len(query.ids) for query in queries], TOKENS_A_BATCH // 2):
        texts = model.batch([queries[q] for q in batch])
        now_NV = model.logits(texts).float().log_softmax(-1)
        base_NV = model.base_logits(texts).float().log_softmax(-1)
        each = iter((base_NV.exp() * (base_NV - now_NV)).sum(-1).tolist())
        for q in batch:
            found[q] = [next(each) for _ in queries[q].targets]
    model.module.train(was_training)
    return found
