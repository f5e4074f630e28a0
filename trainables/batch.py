"""Token ids as the padded tensors that a model reads.

Everything asked of a model is a Query: what it reads, and which token its prediction at which
position should be. So causal and masked models are trained and scored by the same code.

B = texts, T = tokens, P = pairs. ``targets_BT[b, t]`` is the token that the logits at position t
predict, or IGNORE.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from trainables.model import LanguageModel

IGNORE = -100
MASKED_SHARE = 0.15  # Devlin et al. 2019; of those 80 % are masked, 10 % random, 10 % kept


@dataclass(frozen=True)
class Query:
    """ids: what is read, special tokens included; targets: position -> token asked for there."""

    ids: Sequence[int]
    targets: dict[int, int]


@dataclass(frozen=True)
class TextBatch:
    ids_BT: Tensor
    attention_BT: Tensor
    targets_BT: Tensor

    @property
    def predicted_BT(self) -> Tensor:
        """True where a target is: padding, and what is only read, never counts."""
        return self.targets_BT != IGNORE


@dataclass(frozen=True)
class PairBatch:
    """Row p of one is the twin of row p of the other."""

    stereotype: TextBatch
    antistereotype: TextBatch


def sentence(model: LanguageModel, ids: Sequence[int], prefix: Sequence[int] = ()) -> Query:
    """Causal models: every token of `ids`, predicted from the prefix and those before.

    Without a prefix the start token is what the first one is predicted from; before a prefix it
    stands only if the tokenizer puts it there (Llama's does, SmolLM2's does not), as in
    lm-evaluation-harness; as there, what does not fit is cut off where the prefix begins.

    Raises:
        ValueError: the tokens asked for do not fit into the model's positions.
    """
    read = [*prefix, *ids]
    if model.adds_start or not prefix:
        read.insert(0, model.start_id)
    _refuse_too_long(model, len(ids))
    read = read[-(model.max_tokens + 1) :]
    first = len(read) - len(ids) - 1
    return Query(read[:-1], {first + t: token for t, token in enumerate(ids)})


def masked(model: LanguageModel, ids: Sequence[int], positions: Iterable[int]) -> Query:
    """Masked models: the tokens at these positions, all masked together, the others seen.

    Raises:
        ValueError: the text does not fit into the model's positions.
    """
    _refuse_too_long(model, len(ids) + 2)
    read = [model.start_id, *ids, model.end_id]
    targets = {t + 1: ids[t] for t in positions}
    for t in targets:
        read[t] = model.mask_id
    return Query(read, targets)


def _refuse_too_long(model: LanguageModel, num_tokens: int) -> None:
    if num_tokens > model.max_tokens:
        raise ValueError(
            f"a text must fit into the {model.max_tokens} positions of {model.path.name}, but has "
            f"{num_tokens} tokens: cut it, by max_tokens where there is one."
        )


def to_learn(model: LanguageModel, ids: Sequence[int], seed: str) -> Query:
    """A text to train on: every next token (causal), or 15 % of the tokens (masked; drawn by seed)."""
    if model.family == "causal":
        return sentence(model, ids)
    rng = random.Random(seed)
    drawn = sorted(rng.sample(range(len(ids)), max(1, round(MASKED_SHARE * len(ids)))))
    query = masked(model, ids, drawn)
    read = list(query.ids)
    for t, token in query.targets.items():
        chance = rng.random()
        if chance > 0.9:
            read[t] = token
        elif chance > 0.8:
            read[t] = rng.randrange(model.vocab_size)
    return Query(read, query.targets)


def twins(model: LanguageModel, ids: Sequence[int], twin: Sequence[int]) -> tuple[Query, Query]:
    """A pair as log-likelihoods are compared on it.

    causal: the whole sentences. masked: the tokens in which the twins differ, masked together.
    """
    if model.family == "causal":
        return sentence(model, ids), sentence(model, twin)
    apart, apart_in_twin = differing(ids, twin)
    return masked(model, ids, apart), masked(model, twin, apart_in_twin)


def differing(ids: Sequence[int], twin: Sequence[int]) -> tuple[list[int], list[int]]:
    """Positions, in each, of the tokens that the two do not share (CrowS-Pairs' difflib rule).

    Both come from one comparison, because difflib may align b with a otherwise than a with b.
    """
    blocks = difflib.SequenceMatcher(None, ids, twin).get_opcodes()
    apart = [block[1:] for block in blocks if block[0] != "equal"]
    return (
        [t for start, stop, _, _ in apart for t in range(start, stop)],
        [t for _, _, start, stop in apart for t in range(start, stop)],
    )


def padded(model: LanguageModel, queries: Sequence[Query]) -> TextBatch:
    """Queries as one batch on the model's device, padded on the right."""
    shape = (len(queries), max(len(query.ids) for query in queries))
    ids_BT = torch.full(shape, model.pad_id)
    attention_BT = torch.zeros(shape, dtype=torch.long)
    targets_BT = torch.full(shape, IGNORE)
    for b, query in enumerate(queries):
        ids_BT[b, : len(query.ids)] = torch.tensor(query.ids)
        attention_BT[b, : len(query.ids)] = 1
        asked = torch.tensor(list(query.targets.values()), dtype=torch.long)  # there may be none
        targets_BT[b, list(query.targets)] = asked
    to = model.device
    return TextBatch(ids_BT.to(to), attention_BT.to(to), targets_BT.to(to))
