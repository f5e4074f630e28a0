"""Data sets: one file each, with all that reads the files of that set.

Some of them have a name in a spec, to align on or to replay: a frozen class of the kind base.py
describes. The others (bbq, crows_pairs, labelled, multiple_choice, seat, winogender) are functions
that give an evaluator its items.

To add a named one: its file, one line in the list below, and a test. With a few sentences of its
published form in tests/small_sets.py it is held to the laws of all sets. The list is the registry: a
wrong name lists the right ones, and no YAML can name other code.
"""

from trainables.data.sets.base import AlignmentSet, DataSet, TextSet
from trainables.data.sets.bec_pro import BecPro
from trainables.data.sets.bold import BoldWikipedia
from trainables.data.sets.bug import Bug
from trainables.data.sets.miniature import Miniature
from trainables.data.sets.panda import Panda
from trainables.data.sets.stereoset import StereoSetTest
from trainables.data.sets.user_file import UserFile
from trainables.data.sets.winobias import WinoBias

SETS: dict[str, DataSet] = {
    each.name: each
    for each in (
        Bug(name="bug"),
        Bug(name="bug_gold"),
        Bug(name="bug_full"),
        StereoSetTest(),
        Panda(),
        WinoBias(name="winobias"),
        WinoBias(name="winobias_test"),
        BecPro(),
        BoldWikipedia(),
        Miniature(),
    )
}
ALIGNMENT_SETS = {name: each for name, each in SETS.items() if isinstance(each, AlignmentSet)}
TEXT_SETS = {name: each for name, each in SETS.items() if isinstance(each, TextSet)}

__all__ = ["ALIGNMENT_SETS", "SETS", "TEXT_SETS", "AlignmentSet", "DataSet", "TextSet", "UserFile"]
