"""Data sets: one file for each, with all code that reads the files of that set.

A set that a spec may name, to align on or to replay, is a frozen class derived from those in base.py.
The other files (bbq, crows_pairs, labelled, multiple_choice, seat, winogender) have functions that
return the items of an evaluator.

To add a named set, write its file, one line in the list below, and a test. With a few sentences of
its published form in tests/small_sets.py it comes under the laws of all sets. The list is the
registry: the error for a wrong name lists the right ones, and no YAML can name other code.
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
    data_set.name: data_set
    for data_set in (
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
ALIGNMENT_SETS = {
    name: data_set for name, data_set in SETS.items() if isinstance(data_set, AlignmentSet)
}
TEXT_SETS = {name: data_set for name, data_set in SETS.items() if isinstance(data_set, TextSet)}

__all__ = ["ALIGNMENT_SETS", "SETS", "TEXT_SETS", "AlignmentSet", "DataSet", "TextSet", "UserFile"]
