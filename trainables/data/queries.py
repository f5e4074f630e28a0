"""What is read by a model, and which token it is asked for where.

Everything asked of a model is a Query: so causal and masked models are trained and scored by the
same code. Nothing here needs a model, only its tokenizer.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer


MASKED_SHARE = 0.15  # Devlin et al. 2019; of those 80 % are masked, 10 % random, 10 % kept


@dataclass(frozen=True)
class Query:
    """ids: what is read, special tokens included; targets: position -> token asked for there."""

    ids: Sequence[int]
    targets: dict[int, int]


def sentence(tokenizer: Tokenizer, ids: Sequence[int], prefix: Sequence[int] = ()) -> Query:
    """Causal models: every token of `ids`, predicted from the prefix and those before.

    Without a prefix the start token is what the first one is predicted from; before a prefix it
    stands only if the tokenizer puts it there (Llama's does, SmolLM2's does not), as in
    lm-evaluation-harness; as there, what does not fit is cut off where the prefix begins.

    Raises:
        ValueError: the tokens asked for do not fit into the model's positions.
    """
    read = [*prefix, *ids]
    if tokenizer.adds_start or not prefix:
        read.insert(0, tokenizer.start_id)
    refuse_too_long(tokenizer, len(ids))
    read = read[-(tokenizer.max_tokens + 1) :]
    first = len(read) - len(ids) - 1
    return Query(read[:-1], {first + t: token for t, token in enumerate(ids)})


def masked(tokenizer: Tokenizer, ids: Sequence[int], positions: Iterable[int]) -> Query:
    """Masked models: the tokens at these positions, all masked together, the others seen.

    Raises:
        ValueError: the text does not fit into the model's positions.
    """
    refuse_too_long(tokenizer, len(ids) + 2)
    read = [tokenizer.start_id, *ids, tokenizer.end_id]
    targets = {t + 1: ids[t] for t in positions}
    for t in targets:
        read[t] = tokenizer.mask_id
    return Query(read, targets)


def refuse_too_long(tokenizer: Tokenizer, num_tokens: int) -> None:
    if num_tokens > tokenizer.max_tokens:
        raise ValueError(
            f"a text must fit into the {tokenizer.max_tokens} positions of {tokenizer.folder.name}, "
            f"but has {num_tokens} tokens: cut it, by max_tokens where there is one."
        )


def to_learn(tokenizer: Tokenizer, ids: Sequence[int], seed: str) -> Query:
    """A text to train on: every next token (causal), or 15 % of the tokens (masked; drawn by seed)."""
    if tokenizer.family == "causal":
        return sentence(tokenizer, ids)
    rng = random.Random(seed)
    drawn = sorted(rng.sample(range(len(ids)), max(1, round(MASKED_SHARE * len(ids)))))
    query = masked(tokenizer, ids, drawn)
    read = list(query.ids)
    for t, token in query.targets.items():
        chance = rng.random()
        if chance > 0.9:
            read[t] = token
        elif chance > 0.8:
            read[t] = rng.randrange(tokenizer.vocab_size)
    return Query(read, query.targets)
