"""What a model makes of whole texts: its last hidden states, pooled, without gradient.

D = width of the model, S = texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from trainables.batch import Query, padded
from trainables.likelihood import TOKENS_A_BATCH, batches

if TYPE_CHECKING:
    from trainables.model import LanguageModel

Pooling = Literal["summary", "mean"]


@torch.inference_mode()
def features(
    model: LanguageModel, texts: Sequence[str], *, pooling: Pooling, max_tokens: int = 128
) -> Tensor:
    """features_SD of texts, in fp32 on the CPU.

    summary: the state that has seen the whole text, that is at [CLS] (masked) or at the last token
    (causal). mean: over all tokens; the start token of a causal model says nothing of the text, and
    is left out.
    """
    queries = [whole_text(model, ids[:max_tokens]) for ids in model.encode(texts)]
    found: list[Tensor] = [torch.empty(0)] * len(queries)
    was_training = model.module.training
    model.module.eval()
    for batch in batches([len(query.ids) for query in queries], TOKENS_A_BATCH):
        read = padded(model, [queries[q] for q in batch])
        pooled_BD = pool(model, read.ids_BT, read.attention_BT, pooling)
        for q, row in zip(batch, pooled_BD.float().cpu(), strict=True):
            found[q] = row
    model.module.train(was_training)
    return torch.stack(found)


def whole_text(model: LanguageModel, ids: Sequence[int]) -> Query:
    """A text as it is read where nothing is asked: with the special tokens that go around it."""
    if model.family == "masked":
        return Query([model.start_id, *ids, model.end_id], {})
    return Query([model.start_id, *ids], {})


def pool(model: LanguageModel, ids_BT: Tensor, attention_BT: Tensor, pooling: Pooling) -> Tensor:
    """pooled_BD, with gradient where there is one."""
    body = model.module.base_model
    states_BTD: Tensor = body(input_ids=ids_BT, attention_mask=attention_BT).last_hidden_state  # type: ignore[operator]
    if pooling == "mean":
        weights_BT = attention_BT.to(states_BTD.dtype, copy=True)
        if model.family == "causal":
            weights_BT[:, 0] = 0
        sums_BD = torch.einsum("btd,bt->bd", states_BTD, weights_BT)
        return sums_BD / weights_BT.sum(1, keepdim=True).clamp(min=1)
    if model.family == "masked":
        return states_BTD[:, 0]
    last_B = attention_BT.sum(1) - 1
    return states_BTD[torch.arange(len(last_B), device=last_B.device), last_B]
