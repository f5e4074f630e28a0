"""Features of whole texts: a model's last hidden states, pooled to one vector a text.

B = texts of a batch, S = all texts, T = tokens, D = width of the model.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from trainables.data.queries import Query, room
from trainables.models.structure import body_of
from trainables.scoring.packing import batches

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.language_model import LanguageModel

Pooling = Literal["summary", "mean"]
Text = tuple[str, ...]  # one text, or a pair


@torch.inference_mode()
def features(
    model: LanguageModel,
    texts: Sequence[Text],
    *,
    pooling: Pooling,
    max_tokens: int = 128,
    start: bool = True,
) -> Tensor:
    """Return features_SD of texts, in fp32 on the CPU, without gradient and with dropout off.

    pooling: see `pool`. max_tokens: where a text or pair is cut. start: see `whole_texts`.
    """
    queries = whole_texts(model.tokenizer, texts, max_tokens, start=start)
    rows: list[Tensor] = [torch.empty(0)] * len(queries)
    was_training = model.module.training
    model.module.eval()
    for batch in batches([len(query.ids) for query in queries]):
        texts_of_batch = model.batch([queries[q] for q in batch])
        ids_BT, attention_BT = texts_of_batch.ids_BT, texts_of_batch.attention_BT
        pooled_BD = pool(model, ids_BT, attention_BT, pooling, start=start)
        for q, row_D in zip(batch, pooled_BD.float().cpu(), strict=True):
            rows[q] = row_D
    model.module.train(was_training)
    return torch.stack(rows)


def whole_texts(
    tokenizer: Tokenizer, texts: Sequence[Text], max_tokens: int, *, start: bool = True
) -> list[Query]:
    """Return a query without targets for each text or pair, with its special tokens around it.

    A masked model reads a pair as its tokenizer would write it, an end token after each text; the
    longer text is cut first. A causal model reads a pair as two lines of one text, cut at its end.

    start: whether a causal model reads the start token before the text.
    """
    if tokenizer.family == "causal":
        before = tokenizer.start_ids if start else ()
        most = min(max_tokens, room(tokenizer) if start else tokenizer.max_tokens)
        ids_of_texts = tokenizer.encode(["\n".join(text) for text in texts])
        return [Query([*before, *ids[:most]], {}) for ids in ids_of_texts]
    # RoBERTa puts two ends between the texts of a pair.
    separator = [tokenizer.end_id] * max(1, tokenizer.hf.num_special_tokens_to_add(pair=True) - 2)
    firsts = tokenizer.encode([text[0] for text in texts])
    seconds = iter(tokenizer.encode([text[1] for text in texts if len(text) == 2]))
    queries = []
    for text, first in zip(texts, firsts, strict=True):
        between = separator if len(text) == 2 else []
        second = next(seconds) if len(text) == 2 else []
        most = min(max_tokens, room(tokenizer) - len(between))
        first = first[: max(most - most // 2, most - len(second))]
        second = second[: most - len(first)]
        ids = [*tokenizer.start_ids, *first, *between, *second, tokenizer.end_id]
        queries.append(Query(ids, {}))
    return queries


def pool(
    model: LanguageModel,
    ids_BT: Tensor,
    attention_BT: Tensor,
    pooling: Pooling,
    *,
    start: bool = True,
) -> Tensor:
    """Return pooled_BD, the last hidden states of each row as one vector; gradients pass through.

    pooling: `summary` takes the state that has seen the whole text: at [CLS] (masked) or at the last
        token (causal). `mean` averages over all tokens, without those before the text of a causal
        model, whose states do not depend on the text.
    start: whether the rows of a causal model begin with the start token.
    """
    body = body_of(model.module)
    segments: dict[str, Tensor] = {}
    if model.architecture.has_segments:
        ends_BT = (ids_BT == model.tokenizer.end_id).long()
        segments["token_type_ids"] = (ends_BT.cumsum(1) - ends_BT).clamp(max=1) * attention_BT
    output = body(input_ids=ids_BT, attention_mask=attention_BT, **segments)
    states_BTD: Tensor = output.last_hidden_state
    if pooling == "mean":
        weights_BT = attention_BT.to(states_BTD.dtype, copy=True)
        if model.family == "causal" and start:
            weights_BT[:, : len(model.tokenizer.start_ids)] = 0
        sums_BD = torch.einsum("btd,bt->bd", states_BTD, weights_BT)
        return sums_BD / weights_BT.sum(1, keepdim=True).clamp(min=1)
    if model.family == "masked":
        return states_BTD[:, 0]
    last_B = attention_BT.sum(1) - 1
    return states_BTD[torch.arange(len(last_B), device=last_B.device), last_B]
