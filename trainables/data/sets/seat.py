"""SEAT: the word sets of its tests of gender bias."""

import json
from pathlib import Path
from typing import NamedTuple

WORDS = Path(__file__).parents[1] / "words" / "seat.json"


class Words(NamedTuple):
    """The word sets of one test: two of targets (X, Y) and two of attributes (A, B)."""

    X: list[str]
    Y: list[str]
    A: list[str]
    B: list[str]


def tests() -> dict[str, Words]:
    """Return the word sets of each test by its name: WEAT 6, 7 and 8, and their b forms.

    Source: Caliskan et al. 2017 (arXiv 1608.07187); b forms as May et al. 2019 (arXiv 1903.10561).
    """
    tree = json.loads(WORDS.read_text(encoding="utf-8"))
    return {
        name: Words(*(tree["words"][key] for key in keys)) for name, keys in tree["tests"].items()
    }
