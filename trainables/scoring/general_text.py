"""Draw the general texts that forgetting is measured on, and make the queries of their NLL."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainables.data.queries import Query
    from trainables.data.tokenizer import Tokenizer


GROUP = 7  # masked models: every 7th token is masked together, about the 15 % of training


def draw_texts(
    texts: Iterable[tuple[Sequence[int], str]], limit: int, max_tokens: int
) -> dict[tuple[int, ...], str]:
    """Return at most `limit` distinct texts, cut to `max_tokens` tokens: {ids: source}.

    The draw depends on the number of distinct texts alone, so all models with one tokenizer are
    measured on the same texts. It goes through the whole set, because the texts of a source are often
    sorted by subject. A sentence that two articles share is one text, with the source of the first.

    texts: (ids, source) of each text.
    """
    distinct: dict[tuple[int, ...], str] = {}
    for ids, source in texts:
        distinct.setdefault(tuple(ids[:max_tokens]), source)
    numbers = random.Random("held out").sample(range(len(distinct)), min(limit, len(distinct)))
    entries = list(distinct.items())
    return dict(entries[number] for number in sorted(numbers))


def nll_queries(tokenizer: Tokenizer, ids: Sequence[int]) -> list[Query]:
    """Return queries that have each token of a text as a target once.

    causal: one query, each token after those before it. masked: GROUP queries, in each of which every
    GROUP-th token is masked.
    """
    from trainables.data.queries import masked_query
    from trainables.scoring.likelihood import queries_of

    if tokenizer.family == "causal":
        return queries_of(tokenizer, ids)
    starts = range(min(GROUP, len(ids)))
    return [masked_query(tokenizer, ids, range(t, len(ids), GROUP)) for t in starts]


def name_of(ids: Sequence[int]) -> str:
    """Return the name of a text as an item: 12 hexadecimal digits of the sha256 of its token ids."""
    return hashlib.sha256(str(list(ids)).encode()).hexdigest()[:12]
