"""The two texts of a pair as the two queries by which an objective compares them."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from trainables.data.queries import (
    MASKED_SHARE,
    Query,
    masked_query,
    refuse_too_long,
    sentence_query,
)

if TYPE_CHECKING:
    from datasets import Dataset

    from trainables.data.tokenizer import Tokenizer

Comparison = Literal["sentences", "differing", "shared", "first_difference", "as_written"]

# Positions in the ids of a text, and positions in those of its twin.
Positions = tuple[list[int], list[int]]
Block = tuple[str, int, int, int, int]


class ComparedPair(NamedTuple):
    """The queries of a pair's two texts.

    Attributes:
        stereotype, antistereotype: the query of either text.
        real_share: the share (0 to 1) of the people in the pair's occupation who are of the
            stereotype's gender; NaN where it is not known.
    """

    stereotype: Query
    antistereotype: Query
    real_share: float


class ComparedPairs:
    """The pairs of a trial as queries; `pairs[n]` is the n-th as a ComparedPair.

    Attributes:
        table: token ids, one row for each pair (trainables/data/tables.py).
        comparison: the tokens that are predicted for the two texts, see `compare`; None where pairs
            are trained on and never compared.
    """

    def __init__(
        self, table: Dataset, tokenizer: Tokenizer, comparison: Comparison | None, max_tokens: int
    ) -> None:
        """Take the pairs of a table; each text is cut after max_tokens."""
        self.table = table
        self.comparison = comparison
        self._tokenizer = tokenizer
        self._max_tokens = max_tokens

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, number: int) -> ComparedPair:
        return self.compared(number, "")

    @property
    def real_shares(self) -> list[float]:
        """The real share of each pair, NaN where it is not known."""
        return list(self.table["real_share"])

    def compared(self, number: int, seed: str) -> ComparedPair:
        """Return the queries of a pair; the seed draws their masks, if the comparison draws any."""
        assert self.comparison is not None
        stereotype, antistereotype = self._cut(number)
        queries = compare(self._tokenizer, stereotype, antistereotype, self.comparison, seed)
        return ComparedPair(*queries, self.table[number]["real_share"])

    def any_differ(self) -> bool:
        """Return whether the texts of any pair differ in the tokens that remain after the cut."""
        # Mostly the first pair differs, so this seldom reads more.
        cut_pairs = (self._cut(number) for number in range(len(self)))
        return any(stereotype != antistereotype for stereotype, antistereotype in cut_pairs)

    def _cut(self, number: int) -> tuple[list[int], list[int]]:
        """Return the ids of a pair's stereotype and anti-stereotype, cut after max_tokens."""
        row = self.table[number]
        return (
            row["stereotype_ids"][: self._max_tokens],
            row["antistereotype_ids"][: self._max_tokens],
        )


def compare(
    tokenizer: Tokenizer,
    ids: Sequence[int],
    twin: Sequence[int],
    comparison: Comparison,
    seed: str,
) -> tuple[Query, Query]:
    """Return the queries that compare the two texts of a pair, one for each text.

    The comparison decides the targets, which are the tokens to predict. A masked model reads masks
    in their places, except as_written.

    sentences: causal: all tokens of either text. masked: the tokens in which the twins differ.
    differing: the tokens in which the twins differ, in either family.
    first_difference: the first of these in each text, where both have read the same tokens.
    shared: tokens that both texts have. causal: all after the first difference. masked: 15 % of them
        (MASKED_SHARE), drawn by the seed and the same in both texts.
    as_written: the tokens in which the twins differ; both texts are read without masks.

    A query has no targets if its text has no such token, as when the text was cut before the
    difference, or ends with it.

    Args:
        ids, twin: the two texts, without special tokens.
        seed: draws the tokens of `shared` for masked models.

    Raises:
        ValueError: a text does not fit into the model's positions.
    """
    texts = (ids, twin)
    differing = differing_positions(ids, twin)
    if comparison == "as_written":
        return _as_written(tokenizer, texts, differing)
    if comparison == "sentences" and tokenizer.family == "causal":
        return sentence_query(tokenizer, ids), sentence_query(tokenizer, twin)
    if comparison == "first_difference":
        targets = _first_positions(differing)
    elif comparison == "shared":
        targets = _shared_positions(tokenizer, texts, seed)
    else:
        targets = differing
    if tokenizer.family == "masked":
        hidden = differing if comparison == "first_difference" else targets
        one, other = (
            _only_targets_at(masked_query(tokenizer, text, masks), [t + 1 for t in positions])
            for text, masks, positions in zip(texts, hidden, targets, strict=True)
        )
        return one, other
    if comparison == "first_difference":  # the tokens after it are not read
        texts = _cut_after(texts, targets)
    before_first = len(tokenizer.start_ids) - 1  # the place that predicts a text's first token
    one, other = (
        _only_targets_at(sentence_query(tokenizer, text), [before_first + t for t in positions])
        for text, positions in zip(texts, targets, strict=True)
    )
    return one, other


def differing_positions(ids: Sequence[int], twin: Sequence[int]) -> Positions:
    """Return the positions, in each text, of the tokens that the two do not share.

    The rule is that of CrowS-Pairs, by difflib. Both lists come from one comparison, because difflib
    may align b with a otherwise than a with b.
    """
    blocks = [block for block in _aligned_blocks(ids, twin) if block[0] != "equal"]
    return (
        [t for _, start, stop, _, _ in blocks for t in range(start, stop)],
        [t for _, _, _, start, stop in blocks for t in range(start, stop)],
    )


def _aligned_blocks(ids: Sequence[int], twin: Sequence[int]) -> Sequence[Block]:
    """Return difflib's alignment of two texts: (kind, start, stop, start in twin, stop in twin)."""
    return difflib.SequenceMatcher(None, ids, twin, autojunk=False).get_opcodes()


def _as_written(
    tokenizer: Tokenizer, texts: tuple[Sequence[int], Sequence[int]], positions: Positions
) -> tuple[Query, Query]:
    """Return the queries of two texts with nothing masked, whose targets are the given positions.

    Raises:
        ValueError: a text does not fit into the model's positions.
    """
    ends = [tokenizer.end_id] if tokenizer.family == "masked" else []
    start = tokenizer.start_ids
    refuse_too_long(tokenizer, len(start) + max(map(len, texts)) + len(ends))
    one, other = (
        Query([*start, *text, *ends], {len(start) + t: text[t] for t in positions_in_text})
        for text, positions_in_text in zip(texts, positions, strict=True)
    )
    return one, other


def _first_positions(differing: Positions) -> Positions:
    """Return the first differing position of each text, if it is the same one, else none.

    Where one text has no token at the first difference, the two cannot be compared there.
    """
    first, first_in_twin = differing[0][:1], differing[1][:1]
    return (first, first_in_twin) if first == first_in_twin else ([], [])


def _shared_positions(
    tokenizer: Tokenizer, texts: tuple[Sequence[int], Sequence[int]], seed: str
) -> Positions:
    """Return the positions, in each text, of shared tokens: the targets of the comparison `shared`."""
    blocks = _aligned_blocks(*texts)
    differences = [start for kind, start, *_ in blocks if kind != "equal"]
    if not differences:
        return [], []
    first = differences[0] if tokenizer.family == "causal" else 0
    shared = [
        (t, start_in_twin + t - start)
        for kind, start, stop, start_in_twin, _ in blocks
        if kind == "equal"
        for t in range(max(start, first), stop)
    ]
    if tokenizer.family == "masked":
        num_drawn = min(len(shared), max(1, round(MASKED_SHARE * len(shared))))
        shared = sorted(random.Random(seed).sample(shared, num_drawn))
    return [t for t, _ in shared], [t for _, t in shared]


def _cut_after(
    texts: tuple[Sequence[int], Sequence[int]], positions: Positions
) -> tuple[Sequence[int], Sequence[int]]:
    """Return both texts, each cut after its first given position; whole without any position."""
    one, other = (
        text[: positions_in_text[0] + 1] if positions_in_text else text
        for text, positions_in_text in zip(texts, positions, strict=True)
    )
    return one, other


def _only_targets_at(query: Query, positions: Iterable[int]) -> Query:
    """Return the query with those of its targets alone that are at the given positions.

    Without a start token a text's first token is no target.
    """
    return Query(query.ids, {t: query.targets[t] for t in positions if t in query.targets})
