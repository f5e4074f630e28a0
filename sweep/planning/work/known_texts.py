"""How long the texts of the known sets are, so that none need be at hand."""

from __future__ import annotations

from typing import NamedTuple


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
