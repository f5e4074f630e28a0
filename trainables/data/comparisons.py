"""The two texts of a pair, as an objective compares them."""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from trainables.data.queries import MASKED_SHARE, Query, masked, refuse_too_long, sentence

if TYPE_CHECKING:
    from datasets import Dataset

    from trainables.data.tokenizer import Tokenizer

Comparison = Literal["sentences", "differing", "shared", "first_difference", "as_written"]


class ComparedPair(NamedTuple):
    """The queries of a pair's two texts.

    real_share: the share of the people in the pair's occupation who are of the stereotype's gender;
        NaN where that is not known.
    """

    stereotype: Query
    antistereotype: Query
    real_share: float


class ComparedPairs:
    """The pairs of a trial; `pairs[n]` compares the n-th.

    table: as trainables/data/tables.py makes it, with a row a pair.
    comparison: what is asked of the two texts; None where pairs are trained on and never compared.
    max_tokens: where a text is cut.
    """

    def __init__(
        self, table: Dataset, tokenizer: Tokenizer, comparison: Comparison | None, max_tokens: int
    ) -> None:
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
        """Return a pair with the masks that the seed draws, where any are drawn."""
        assert self.comparison is not None
        stereotype, antistereotype = self._cut(number)
        queries = compare(self._tokenizer, stereotype, antistereotype, self.comparison, seed)
        return ComparedPair(*queries, self.table[number]["real_share"])

    def any_differ(self) -> bool:
        """Whether any pair differs within the tokens that are read; the first one mostly does."""
        cut_pairs = (self._cut(number) for number in range(len(self)))
        return any(stereotype != antistereotype for stereotype, antistereotype in cut_pairs)

    def _cut(self, number: int) -> tuple[list[int], list[int]]:
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
    """A pair, as an objective compares its two texts.

    sentences: log-likelihoods. causal: of the whole sentences. masked: of the tokens in which the
        twins differ, masked together.
    differing: the tokens in which they differ alone, in either family.
    first_difference: the first of these in each, where both have read the same.
    shared: tokens of both, where what came before differs. causal: all that follow the first
        difference. masked: a share of MASKED_SHARE of them, drawn by the seed, masked in both.
    as_written: nothing is masked; the tokens in which they differ are the ones asked for.

    Where there is nothing of the kind (a text was cut before the difference, or ends with it) no
    token is asked for.
    """
    apart = differing(ids, twin)
    if comparison == "as_written":
        ends = [tokenizer.end_id] if tokenizer.family == "masked" else []
        refuse_too_long(tokenizer, max(map(len, (ids, twin))) + 1 + len(ends))
        one, other = (
            Query([tokenizer.start_id, *text, *ends], {t + 1: text[t] for t in at})
            for text, at in zip((ids, twin), apart, strict=True)
        )
        return one, other
    if comparison == "first_difference":
        # Where one has no word at the first difference, the two cannot be told apart there.
        there = apart[0][:1] == apart[1][:1]
        asked = (apart[0][:1], apart[1][:1]) if there else ([], [])
    elif comparison == "shared":
        both = _shared(ids, twin, after_first=tokenizer.family == "causal")
        if tokenizer.family == "masked":
            num = min(len(both), max(1, round(MASKED_SHARE * len(both))))
            both = sorted(random.Random(seed).sample(both, num))
        asked = ([t for t, _ in both], [t for _, t in both])
    else:
        asked = apart
    if tokenizer.family == "masked":
        hidden = apart if comparison == "first_difference" else asked
        one, other = (
            _asking(masked(tokenizer, text, out), [t + 1 for t in at])
            for text, out, at in zip((ids, twin), hidden, asked, strict=True)
        )
        return one, other
    if comparison == "sentences":
        return sentence(tokenizer, ids), sentence(tokenizer, twin)
    if comparison == "first_difference":  # what follows it is not read
        ids, twin = (
            text[: at[0] + 1] if at else text for text, at in zip((ids, twin), asked, strict=True)
        )
    return _asking(sentence(tokenizer, ids), asked[0]), _asking(sentence(tokenizer, twin), asked[1])


def _asking(query: Query, places: Iterable[int]) -> Query:
    """The query, asking for these of its tokens alone."""
    return Query(query.ids, {place: query.targets[place] for place in places})


def _shared(ids: Sequence[int], twin: Sequence[int], *, after_first: bool) -> list[tuple[int, int]]:
    """Places, in each, of the tokens that both have (after their first difference)."""
    blocks = difflib.SequenceMatcher(None, ids, twin, autojunk=False).get_opcodes()
    differ = [start for kind, start, *_ in blocks if kind != "equal"]
    if not differ:
        return []
    first = differ[0] if after_first else 0
    return [
        (t, start_in_twin + t - start)
        for kind, start, stop, start_in_twin, _ in blocks
        if kind == "equal"
        for t in range(max(start, first), stop)
    ]


def differing(ids: Sequence[int], twin: Sequence[int]) -> tuple[list[int], list[int]]:
    """Positions, in each, of the tokens that the two do not share (CrowS-Pairs' difflib rule).

    Both come from one comparison, because difflib may align b with a otherwise than a with b.
    """
    blocks = difflib.SequenceMatcher(None, ids, twin, autojunk=False).get_opcodes()
    apart = [block[1:] for block in blocks if block[0] != "equal"]
    return (
        [t for start, stop, _, _ in apart for t in range(start, stop)],
        [t for _, _, start, stop in apart for t in range(start, stop)],
    )
