"""How many tokens the texts of a set have, without reading known sets, which may not be at hand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from functools import lru_cache
from itertools import islice
from pathlib import Path
from statistics import fmean
from typing import NamedTuple

from trainables.data.rows import user_rows
from trainables.data.sets.user_file import FIELDS
from trainables.models import miniature

MAX_ROWS = 1000  # of a user's file that are looked at
CHARACTERS_A_TOKEN = 5.0  # SmolLM2 has 5.2 in sentences of BUG, 4.8 in the miniature's
WORDS_OF_MINIATURE = 4.4  # characters: its tokenizers have a token a word
SPECIAL = 1  # tokens beside those of the text: BOS, or CLS and SEP


class Texts(NamedTuple):
    """The texts of a set: how many there are, and characters of each tenth of them, ascending.

    num_texts: 0 if it is not known.
    """

    num_texts: int
    tenths: tuple[int, ...]


# Pairs: characters of the text as it was found. A test compares these with the sets.
PAIRS = {
    "bug": Texts(25504, (71, 94, 111, 126, 140, 157, 175, 198, 230, 297)),
    "bug_gold": Texts(1283, (77, 96, 115, 131, 148, 165, 185, 209, 242, 319)),
    "bug_full": Texts(82820, (71, 94, 111, 127, 141, 158, 176, 199, 231, 298)),
    "stereoset_test": Texts(771, (20, 25, 30, 34, 38, 42, 46, 52, 58, 72)),
    "panda": Texts(9104, (44, 75, 108, 155, 306, 623, 769, 967, 1199, 2779)),
    "winobias": Texts(789, (54, 60, 63, 66, 69, 72, 75, 79, 84, 94)),
    "winobias_test": Texts(789, (57, 63, 67, 69, 73, 76, 78, 82, 88, 98)),
    "bec_pro": Texts(1800, (24, 30, 33, 37, 41, 45, 48, 51, 55, 61)),
    "miniature": Texts(4000, (32, 34, 35, 36, 37, 38, 40, 42, 48, 50)),
}
GENERAL = {
    "bold_wikipedia": Texts(23679, (53, 68, 82, 96, 112, 129, 149, 174, 211, 302)),
    "miniature": Texts(6000, (44, 45, 46, 47, 48, 49, 49, 50, 51, 53)),
}
# Of a file that cannot be read now, and of a set that is not listed above.
UNKNOWN = Texts(0, (40, 60, 80, 100, 120, 140, 160, 190, 230, 320))


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
