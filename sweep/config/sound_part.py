"""What can be checked of a spec that has faults: its trials without all that is wrong in them.

So one call of `sweep check` reports the faults of the file and those of its models and data.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import ValidationError

from sweep.space.corners import corners
from sweep.space.faults import domain_faults, without_domains
from trainables.config import TrialConfig
from trainables.schema.faults import Place, faults
from trainables.schema.yaml_file import Document

MAX_ROUNDS = 50  # of taking out one fault of a trial
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
    sound model is left out.
    """
    tree = document.tree.get("trial")
    if not isinstance(tree, dict):
        return []
    bad_places = [fault.place for fault in domain_faults(tree)]
    sound_tree = without_domains(tree, bad_places)
    trials = (_without_faults(corner.tree) for corner in corners(sound_tree))
    return [trial for trial in trials if trial is not None]


def _without_faults(tree: dict[str, Any]) -> TrialConfig | None:
    """Return a trial without what is wrong in it; None if that cannot be left out."""
    tree = copy.deepcopy(tree)
    for _ in range(MAX_ROUNDS):
        try:
            return TrialConfig.model_validate(tree)
        except ValidationError as error:
            # One at a time: without one fault there may be no other.
            place = next(faults(error, TrialConfig, tree)).place
            if not _take_out(tree, place):
                return None
    return None


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
    if isinstance(node, dict) and last not in node:  # it is missing
        key = str(place[0])
        if key not in STAND_INS or tree.get(key) == STAND_INS[key][key]:
            return len(place) > 1 and _take_out(tree, tuple(around))
        tree.update(copy.deepcopy(STAND_INS[key]))
        return True
    del node[last]
    return True
