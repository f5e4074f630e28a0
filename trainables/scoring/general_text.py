"""The texts that forgetting is measured on, passages of general text above all, and their queries."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.data.tokenizer import Tokenizer

T = TypeVar("T")

GROUP = 7  # masked models: every 7th token is masked together, about the 15 % of training


class Passage(NamedTuple):
    """A stretch of an article.

    Attributes:
        ids: its tokens, without special tokens.
        num_context: how many of the first tokens are read and not counted.
        source: the key of the article.
    """

    ids: tuple[int, ...]
    num_context: int
    source: str


def draw_passages(
    articles: Iterable[tuple[Sequence[int], str]],
    limit: int,
    max_tokens: int,
    context: int,
    min_tokens: int = 1,
) -> list[Passage]:
    """Return at most `limit` distinct passages of articles, in order.

    An article is cut into windows of `max_tokens` tokens, each of which begins with the last `context`
    tokens of the one before it. These are read and not counted, so that no counted token depends much
    on what stands before the passage. Windows with no more than twice `context` tokens are left out;
    if a set has no longer ones, half of each is context. Windows of fewer than `min_tokens` tokens are
    left out in any case, so there may be no passage.

    The draw depends on the number of distinct windows alone, so all models with one tokenizer, one
    start and as many positions are measured on the same passages. A passage that two articles share
    has the source of the first.

    Args:
        articles: (ids, source) of each article.
        min_tokens: see `fewest_tokens`.
    """
    windows: dict[tuple[int, ...], str] = {}
    for ids, source in articles:
        for start in range(0, max(1, len(ids) - context), max_tokens - context):
            window = tuple(ids[start : start + max_tokens])
            if len(window) >= min_tokens:
                windows.setdefault(window, source)
    long = {ids: source for ids, source in windows.items() if len(ids) > 2 * context}
    passages = [
        Passage(ids, min(context, len(ids) // 2), source)
        for ids, source in (long or windows).items()
    ]
    return _drawn(passages, limit)


def draw_sentences(
    sentences: Iterable[Sequence[int]], limit: int, max_tokens: int, min_tokens: int = 1
) -> list[tuple[int, ...]]:
    """Return at most `limit` distinct sentences, in order, cut to `max_tokens` tokens.

    The draw goes through the whole set, because sentences are often sorted by subject. Those of fewer
    than `min_tokens` tokens (see `fewest_tokens`) are left out, so there may be none.
    """
    cut = dict.fromkeys(tuple(ids[:max_tokens]) for ids in sentences if len(ids) >= min_tokens)
    return _drawn(list(cut), limit)


def _drawn(values: Sequence[T], limit: int) -> list[T]:
    """Return `limit` of the values, or all if they are fewer, in order; their number decides which."""
    numbers = random.Random("held out").sample(range(len(values)), min(limit, len(values)))
    return [values[number] for number in sorted(numbers)]


def fewest_tokens(tokenizer: Tokenizer) -> int:
    """Return how many tokens a text must have for one of them to be predicted.

    2 where nothing stands before a text, whose first token is then not predicted, 1 elsewhere.
    """
    return 1 if tokenizer.start_ids else 2


def nll_queries(tokenizer: Tokenizer, ids: Sequence[int], num_context: int = 0) -> list[Query]:
    """Return queries that have each token of a text as a target once, in reading order for each query.

    causal: one query, each token after those before it, without the first `num_context`. masked: GROUP
    queries, in each of which every GROUP-th token is masked; all see the tokens on both sides.
    """
    from trainables.data.queries import Query, masked_query
    from trainables.scoring.likelihood import queries_of

    if tokenizer.family == "causal":
        (query,) = queries_of(tokenizer, ids)
        first = len(tokenizer.start_ids) - 1 + num_context
        counted = {place: token for place, token in query.targets.items() if place >= first}
        return [Query(query.ids, counted)]
    starts = range(min(GROUP, len(ids)))
    return [masked_query(tokenizer, ids, range(t, len(ids), GROUP)) for t in starts]


def name_of(ids: Sequence[int]) -> str:
    """Return the name of a text as an item: 12 hexadecimal digits of the sha256 of its token ids."""
    return hashlib.sha256(str(list(ids)).encode()).hexdigest()[:12]
