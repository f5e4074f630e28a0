"""What can be checked of a spec that has faults: its trials without all that is wrong in them.

So one call of `sweep check` reports the faults of the file and those of its models and data.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from sweep.space.corners import corners
from sweep.space.extent import extent_faults
from sweep.space.faults import domain_faults, without_domains
from trainables.config import TrialConfig
from trainables.schema.faults import Place, faults
from trainables.schema.yaml_file import Document

MAX_ROUNDS = 50  # of taking out one fault of a trial
MAX_VALUES = 20_000  # of all trials in all rounds, which take half a second
# In place of what a trial must have; these need no file.
STAND_INS: dict[str, dict[str, Any]] = {
    "train": {"train": {"lr": 1e-4, "steps": 1}},
    "alignment": {"alignment": {"data": "miniature"}, "allow_overlap": True},
    "evaluators": {"evaluators": [{"name": "weights"}]},
}
TERMS = ("objective", "regulariser", "parameters", "replay", "fusion")  # which must go together


def sound_trials(document: Document) -> list[TrialConfig]:
    """Return the trials of a spec without their faults, for every branch of which a trial is left.

    Keys and values that are wrong are left out, so that defaults take their place. A trial without a
    sound model is left out, and so are those after the first MAX_VALUES values, in whatever round, and
    all of a space that is too large to check.
    """
    tree = document.tree.get("trial")
    sound_tree = without_domains(tree, [fault.place for fault in domain_faults(tree)])
    if not isinstance(sound_tree, dict) or any(extent_faults(sound_tree)):
        return []
    trials: list[TrialConfig] = []
    num_values = 0
    for corner in corners(sound_tree):
        tree = copy.deepcopy(corner.tree)
        for _ in range(MAX_ROUNDS):
            num_values += len(corner.origins)
            if num_values > MAX_VALUES:
                return trials
            trial, is_settled = _validated(tree)
            if is_settled:
                trials += [trial] if trial else []
                break
    return trials


def _validated(tree: dict[str, Any]) -> tuple[TrialConfig | None, bool]:
    """Return a trial and True if it is right; else take a fault out; None, and whether it has to stay.

    It is one at a time, as without one fault there may be no other.
    """
    try:
        return TrialConfig.model_validate(tree), True
    except ValidationError as error:
        place = next(faults(error, TrialConfig, tree)).place
        return None, not _take_out(tree, place)


def _take_out(tree: dict[str, Any], place: Place) -> bool:
    """Take what stands at a place out of a trial, or put a stand-in there; return whether it helps."""
    if not place:
        present = [key for key in TERMS if key in tree]
        for key in present:
            del tree[key]
        return bool(present)
    *around, last = place
    node: Any = tree
    for step in around:
        node = node[step]
    is_missing = last not in node if isinstance(node, dict) else not isinstance(node, list)
    if is_missing:  # of a mapping, or of one that is written as a word
        key = str(place[0])
        if key not in STAND_INS or tree.get(key) == STAND_INS[key][key]:
            return len(place) > 1 and _take_out(tree, tuple(around))
        tree.update(copy.deepcopy(STAND_INS[key]))
        return True
    del node[last]
    return True
