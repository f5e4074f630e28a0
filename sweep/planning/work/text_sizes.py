"""How many tokens the texts of a set have, without reading known sets, which may not be at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from statistics import fmean

from sweep.planning.work.known_texts import GENERAL, PAIRS, UNKNOWN, Texts
from trainables.data.rows import user_rows
from trainables.data.sets.user_file import FIELDS
from trainables.models import miniature

MAX_ROWS = 1000  # of a user's file that are looked at
CHARACTERS_A_TOKEN = 5.0  # SmolLM2 has 5.2 in sentences of BUG, 4.8 in the miniature's
WORDS_OF_MINIATURE = 4.4  # characters: its tokenizers have a token a word
SPECIAL = 1  # tokens beside those of the text: BOS, or CLS and SEP


def pairs_of(name: str) -> Texts:
    """Return the texts of an alignment set, as they were found, or of a user's file."""
    return PAIRS.get(name) or _of_file(name)


def general_of(name: str) -> Texts:
    """Return the texts of a set of general texts, or of a user's file."""
    return GENERAL.get(name) or _of_file(name)


def characters_a_token(model: str) -> float:
    """Return how many characters of English text a token of a model has on average."""
    return WORDS_OF_MINIATURE if model in miniature.MODELS else CHARACTERS_A_TOKEN


def mean_tokens(tenths: Sequence[int], characters: float, max_tokens: int) -> float:
    """Return the mean number of tokens that are read of a text which is cut at `max_tokens`.

    >>> mean_tokens((50, 100), characters=5, max_tokens=15)  # (10 + 15) / 2, and a special token
    13.5
    """
    return fmean(min(tenth / characters, max_tokens) for tenth in tenths) + SPECIAL


def tenths_of(lengths: Iterable[int]) -> tuple[int, ...]:
    """Return the middle of each tenth of some lengths, ascending; nothing of none."""
    ordered = sorted(lengths)
    return tuple(ordered[int(len(ordered) * (n + 0.5) / 10)] for n in range(10) if ordered)


@lru_cache(maxsize=32)
def _of_file(name: str) -> Texts:
    """Return the texts of a user's file, by its first rows; UNKNOWN if it cannot be read."""
    with suppress(Exception):  # what is wrong with the file, `sweep check` says
        if not Path(name).expanduser().is_file():
            return UNKNOWN
        rows = list(islice(user_rows(name, FIELDS), MAX_ROWS))
        texts = [str(row.fields.get("text") or row.fields.get("stereotype") or "") for row in rows]
        is_whole = len(rows) < MAX_ROWS
        if tenths := tenths_of(map(len, texts)):
            return Texts(len(rows) if is_whole else 0, tenths)
    return UNKNOWN
