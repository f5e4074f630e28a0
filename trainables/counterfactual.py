"""A sentence and its gender-swapped twin.

Case is kept (HE -> SHE, Mr. -> Mrs.), punctuation may touch a word, and what a word list cannot
decide is decided by the next word: *her* is *his* before what it possesses ("her infection") and
*him* elsewhere ("told her that", "saw her."); *his* is *her* before a noun and *hers* elsewhere.
"""

import re
from functools import cache
from importlib.resources import files

PRONOUNS = {"he": "she", "she": "he", "him": "her", "himself": "herself", "herself": "himself"}
PRONOUNS |= {"hers": "his"}

# Words that cannot start what is possessed, so a *her* before one is an object ("told her that").
NOT_POSSESSED = frozenset(
    (
        "a about after again alone although an and any are around as at away back be because been "
        "before being both but by can could did do does down during each enough every for from "
        "had has have he her here him his how i if in into is it just me might must my no nor not "
        "now of off on once or our out over she should since so some than that the their them "
        "then there these they this those through to together too under until up upon us very was "
        "we were what when where whether which while who whom why will with within without would "
        "yesterday you your"
    ).split()
)
WORD = re.compile(r"[A-Za-z]+")
NEXT_WORD = re.compile(r"[\s\"'“‘(]*([A-Za-z0-9-]+)")


@cache
def swaps() -> dict[str, str]:
    """Each unambiguous gendered word and its counterpart, both ways, in lower case."""
    text = (files("trainables") / "words" / "gender_pairs.txt").read_text(encoding="utf-8")
    pairs = [line.split() for line in text.splitlines() if line and not line.startswith("#")]
    return PRONOUNS | dict(pairs) | {f: m for m, f in pairs}


def swap(text: str) -> str:
    """The text with every gendered word turned into its counterpart; others are untouched.

    >>> swap("He told her that Mr. Lee lost his keys, not hers.")
    'She told him that Mrs. Lee lost her keys, not his.'
    """
    return WORD.sub(lambda word: _swapped(word, text), text)


def is_gendered(text: str) -> bool:
    """Whether swapping would change the text."""
    return swap(text) != text


def _swapped(word: re.Match[str], text: str) -> str:
    found = word.group()
    lower = found.lower()
    if lower in ("her", "his"):
        possesses = _possesses(text, word.end())
        twin = ("his" if possesses else "him") if lower == "her" else "her" if possesses else "hers"
    else:
        twin = swaps().get(lower, lower)
    if twin == lower:
        return found
    return twin.upper() if found.isupper() and len(found) > 1 else _with_case_of(found, twin)


def _possesses(text: str, end: int) -> bool:
    following = NEXT_WORD.match(text, end)
    return following is not None and following.group(1).lower() not in NOT_POSSESSED


def _with_case_of(found: str, twin: str) -> str:
    return twin.capitalize() if found[0].isupper() else twin
