"""General texts that forgetting is measured on: which are drawn, and how each is asked for."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.data.tokenizer import Tokenizer


GROUP = 7  # masked models: every 7th token is masked at once, so about the 15 % of training


def drawn(
    texts: Iterable[tuple[Sequence[int], str]], limit: int, max_tokens: int
) -> dict[tuple[int, ...], str]:
    """The same `limit` texts, cut, for every model of a tokenizer, each with its source.

    They are drawn from the whole set, because the texts of a source are often sorted by subject;
    and no text twice, because a sentence that two articles share is one item.
    """
    distinct: dict[tuple[int, ...], str] = {}
    for ids, source in texts:
        distinct.setdefault(tuple(ids[:max_tokens]), source)
    places = random.Random("held out").sample(range(len(distinct)), min(limit, len(distinct)))
    every = list(distinct.items())
    return dict(every[place] for place in sorted(places))


def nll_queries(tokenizer: Tokenizer, ids: Sequence[int]) -> list[Query]:
    """Every token of a text asked for once: after those before it, or with every GROUP-th masked."""
    from trainables.data.queries import masked_query
    from trainables.scoring.likelihood import queries_of

    if tokenizer.family == "causal":
        return queries_of(tokenizer, ids)
    starts = range(min(GROUP, len(ids)))
    return [masked_query(tokenizer, ids, range(t, len(ids), GROUP)) for t in starts]


def name_of(ids: Sequence[int]) -> str:
    """A text is called by its digest."""
    return hashlib.sha256(str(list(ids)).encode()).hexdigest()[:12]
