"""What a model makes of whole texts: its last hidden states, pooled, without gradient.

D = width of the model, S = texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from trainables.data.queries import Query
from trainables.scoring.packing import TOKENS_A_BATCH, batches

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.language_model import LanguageModel

Pooling = Literal["summary", "mean"]
Text = tuple[str, ...]  # one text, or a pair


@torch.inference_mode()
def features(
    model: LanguageModel, texts: Sequence[Text], *, pooling: Pooling, max_tokens: int = 128
) -> Tensor:
    """features_SD of texts, in fp32 on the CPU.

    summary: the state that has seen the whole text, that is at [CLS] (masked) or at the last token
    (causal). mean: over all tokens; the start token of a causal model says nothing of the text, and
    is left out.
    """
    queries = whole_texts(model.tokenizer, texts, max_tokens)
    found: list[Tensor] = [torch.empty(0)] * len(queries)
    was_training = model.module.training
    model.module.eval()
    for batch in batches([len(query.ids) for query in queries], TOKENS_A_BATCH):
        read = model.batch([queries[q] for q in batch])
        pooled_BD = pool(model, read.ids_BT, read.attention_BT, pooling)
        for q, row in zip(batch, pooled_BD.float().cpu(), strict=True):
            found[q] = row
    model.module.train(was_training)
    return torch.stack(found)


def whole_texts(tokenizer: Tokenizer, texts: Sequence[Text], max_tokens: int) -> list[Query]:
    """Texts as they are read where nothing is asked: with the special tokens that go around them.

    Of a pair a masked model reads each with its end, as its tokenizer would put them, and the longer
    one is cut first; a causal one reads both as lines of one text, cut at its end.
    """
    if tokenizer.family == "causal":
        room = min(max_tokens, tokenizer.max_tokens - 1)
        whole = tokenizer.encode(["\n".join(text) for text in texts])
        return [Query([tokenizer.start_id, *ids[:room]], {}) for ids in whole]
    # RoBERTa puts two ends between the texts of a pair.
    between = [tokenizer.end_id] * max(1, tokenizer.hf.num_special_tokens_to_add(pair=True) - 2)
    ones = tokenizer.encode([text[0] for text in texts])
    others = iter(tokenizer.encode([text[1] for text in texts if len(text) == 2]))
    queries = []
    for text, one in zip(texts, ones, strict=True):
        ends = between if len(text) == 2 else []
        other = next(others) if len(text) == 2 else []
        room = min(max_tokens, tokenizer.max_tokens - 2 - len(ends))
        one = one[: max(room - room // 2, room - len(other))]
        other = other[: room - len(one)]
        queries.append(Query([tokenizer.start_id, *one, *ends, *other, tokenizer.end_id], {}))
    return queries


def pool(model: LanguageModel, ids_BT: Tensor, attention_BT: Tensor, pooling: Pooling) -> Tensor:
    """pooled_BD, with gradient where there is one."""
    body = model.module.base_model
    segments: dict[str, Tensor] = {}
    if model.has_segments:
        ends_BT = (ids_BT == model.tokenizer.end_id).long()
        segments["token_type_ids"] = (ends_BT.cumsum(1) - ends_BT).clamp(max=1) * attention_BT
    read = body(input_ids=ids_BT, attention_mask=attention_BT, **segments)  # type: ignore[operator]
    states_BTD: Tensor = read.last_hidden_state
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
