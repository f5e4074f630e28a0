"""Queries: the tokens that a model reads, and the token to predict at each position.

Every forward pass of a model is made from queries, so causal and masked models are trained and
scored by the same code. Making one needs no model, only its tokenizer.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trainables.schema.text.shown import as_value

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer


# Of a text's tokens, the share to predict. Of those 80 % are read as a mask, 10 % as a random token
# and 10 % as themselves (Devlin et al. 2019).
MASKED_SHARE = 0.15


@dataclass(frozen=True)
class Query:
    """One row for a model.

    Attributes:
        ids: the tokens that the model reads, special tokens included.
        targets: position in `ids` -> the token whose probability is wanted there.
    """

    ids: Sequence[int]
    targets: dict[int, int]


def sentence_query(tokenizer: Tokenizer, ids: Sequence[int]) -> Query:
    """Return a causal model's query for every token of a text, each predicted from those before it.

    The first token is predicted from the tokenizer's start; it has no prediction if there is none.

    ids: the text, without special tokens.

    Raises:
        ValueError: the text does not fit into the model's positions.
    """
    start = tokenizer.start_ids
    tokens = [*start, *ids]
    refuse_too_long(tokenizer, len(tokens) - 1)
    targets = {place: tokens[place + 1] for place in range(max(0, len(start) - 1), len(tokens) - 1)}
    return Query(tokens[:-1] or tokens, targets)


def continuation_query(tokenizer: Tokenizer, ids: Sequence[int], prefix: Sequence[int]) -> Query:
    """Return a causal model's query for the tokens that follow a prefix, as lm-evaluation-harness.

    Without a prefix they follow BOS, or EOS where there is none. Before a prefix it stands only if the
    tokenizer puts it there by itself (Llama's does, SmolLM2's does not). Tokens that do not fit are cut
    off where the prefix begins.

    Args:
        ids: the tokens to predict, without special tokens.
        prefix: tokens that are read before them and not predicted; may be empty.

    Raises:
        ValueError: the tokens to predict do not fit into the model's positions, or there is nothing
            that the first of them could be predicted from.
    """
    tokens = [*prefix, *ids]
    if tokenizer.adds_start or not prefix:
        if tokenizer.harness_start_id is None:
            raise ValueError(
                f"the tokenizer of {tokenizer.folder} must have a BOS or an EOS token, from which "
                "the first token of a sentence is predicted, but has neither."
            )
        tokens.insert(0, tokenizer.harness_start_id)
    refuse_too_long(tokenizer, len(ids))
    tokens = tokens[-(tokenizer.max_tokens + 1) :]
    first = len(tokens) - len(ids) - 1
    return Query(tokens[:-1], {first + t: token for t, token in enumerate(ids)})


def masked_query(tokenizer: Tokenizer, ids: Sequence[int], positions: Iterable[int]) -> Query:
    """Return a masked model's query for some tokens of a text, all masked together.

    Args:
        ids: the text, without special tokens.
        positions: the indices in `ids` of the tokens to mask and to predict. The others are read.

    Raises:
        ValueError: the text does not fit into the model's positions.
    """
    refuse_too_long(tokenizer, len(ids) + 2)
    tokens = [*tokenizer.start_ids, *ids, tokenizer.end_id]
    targets = {t + 1: ids[t] for t in positions}
    for t in targets:
        tokens[t] = tokenizer.mask_id
    return Query(tokens, targets)


def training_query(tokenizer: Tokenizer, ids: Sequence[int], seed: str) -> Query:
    """Return the query that trains a model on a text.

    causal: every token is predicted from those before it.
    masked: MASKED_SHARE of the tokens, at least one, are drawn by the seed and predicted. Of those
        80 % are read as a mask, 10 % as a random token and 10 % as themselves.

    Raises:
        ValueError: the text does not fit into the model's positions.
    """
    if tokenizer.family == "causal":
        return sentence_query(tokenizer, ids)
    rng = random.Random(seed)
    positions = sorted(rng.sample(range(len(ids)), max(1, round(MASKED_SHARE * len(ids)))))
    query = masked_query(tokenizer, ids, positions)
    tokens = list(query.ids)
    for t, token in query.targets.items():
        chance = rng.random()
        if chance > 0.9:
            tokens[t] = token
        elif chance > 0.8:
            tokens[t] = rng.randrange(tokenizer.vocab_size)
    return Query(tokens, query.targets)


def room(tokenizer: Tokenizer) -> int:
    """Return how many tokens of a text fit into the model's positions, between special tokens.

    Raises:
        ValueError: what stands before a text, such as a long prompt, leaves no room.
    """
    num_around = len(tokenizer.start_ids) + (tokenizer.family == "masked")
    if num_around >= tokenizer.max_tokens:
        raise ValueError(
            f"model.prompt must leave room for a text in the model's {tokenizer.max_tokens} positions, "
            f"but takes {num_around} tokens with its marks: a shorter one would do."
        )
    return tokenizer.max_tokens - num_around


def refuse_too_long(tokenizer: Tokenizer, num_tokens: int) -> None:
    """Raise ValueError if so many tokens do not fit into the positions of the tokenizer's model."""
    if num_tokens > tokenizer.max_tokens:
        raise ValueError(
            f"a text must fit into the {tokenizer.max_tokens} positions of {tokenizer.folder.name}, "
            f"but has {num_tokens} tokens: cut it, by max_tokens where there is one."
        )


def could_be_too_long(texts: Iterable[tuple[str, str]], num_positions: int) -> bool:
    """Return whether a tokenizer could make more tokens of a text than fit into so many positions.

    It makes at most one of a byte, one before a text, and at most two special ones around it, without
    a prompt. So most texts are known to fit before any tokenizer is loaded. A few signs may be spelled
    out in more tokens than they have bytes: what does not fit for that is found as a trial begins.

    texts: as Evaluator.whole_texts.
    """
    return any(len(text.encode()) + 3 > num_positions for _, text in texts)


def refuse_long_texts(tokenizer: Tokenizer, texts: Iterable[tuple[str, str]]) -> None:
    """Raise ValueError if a text does not fit whole into the positions of the tokenizer's model.

    texts: (file and row, text), as Evaluator.whole_texts.
    """
    places_and_texts = list(texts)
    most = room(tokenizer)
    ids_of_texts = tokenizer.encode([text for _, text in places_and_texts])
    for (where, text), ids in zip(places_and_texts, ids_of_texts, strict=True):
        if len(ids) > most:
            raise ValueError(
                f"{where or 'a text'} must fit into the {tokenizer.max_tokens} positions of "
                f"{tokenizer.folder.name}, but {as_value(text.strip())} has {len(ids)} tokens: "
                f"{'shorten it, or ' if where else ''}take a model with more positions."
            )
