"""Queries of a masked model for a word that fills the blanks of a context."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.data.queries import Query, masked_query

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer


def blank_queries(tokenizer: Tokenizer, around: Sequence[str], word: str) -> list[Query]:
    """Return a query for each sub-token of a word, for its log p after the sub-tokens before it.

    The context is read with those sub-tokens and a mask in place of the blank; the sub-tokens after it
    are absent. With several blanks all are filled in alike, and the first alone has a target.

    Args:
        around: the pieces of the context before, between and after its blanks, at least two.
        word: the word, without the space before it.

    Raises:
        ValueError: the context does not fit into the model's positions.

    Source: StereoSet's published code and bias-bench (Meade et al. 2022, arXiv 2110.08527).
    """
    # With a space before it, even where it comes first: byte-level tokenizers (RoBERTa) encode it.
    *before_blanks, last = around
    parts, first, *others = tokenizer.encode([f" {word}", *map(str.rstrip, before_blanks), last])
    queries = []
    for j, part in enumerate(parts):
        ids, places = list(first), []
        for after in others:
            places.append(len(ids) + j)
            ids += [*parts[:j], part, *after]
        query = masked_query(tokenizer, ids, places)
        target = min(query.targets)
        queries.append(Query(query.ids, {target: part}))
    return queries
