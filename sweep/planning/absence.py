"""The files that a sweep names and this machine does not have."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import TYPE_CHECKING

from trainables.data.files.kinds import kind_of
from trainables.harness.own_files import strings_in
from trainables.schema.counted import counted
from trainables.schema.text.shown import MAX_NAME, as_word

if TYPE_CHECKING:
    from trainables.config import TrialConfig

MAX_NAMED = 3


def absence(trials: Iterable[TrialConfig]) -> list[str]:
    """Return a sentence on data files and folders that trials name and this machine does not have.

    It is alone in the list, which is empty if everything is here.
    """
    names: dict[str, None] = {}
    for trial in trials:
        names |= dict.fromkeys(text for text in strings_in(trial.tree()) if kind_of(text))
        if trial.model.path.startswith(("/", "~", ".")):
            names[trial.model.path] = None
    # As it is typed: a user who is none stays in the path, where nothing is then.
    absent = [name for name in names if not os.path.exists(os.path.expanduser(name))]
    if not absent:
        return []
    others = f" and {counted(len(absent) - MAX_NAMED, 'other')}" if len(absent) > MAX_NAMED else ""
    shown = ", ".join(as_word(name, MAX_NAME) for name in absent[:MAX_NAMED])
    return [f"not on this machine: {shown}{others}; run `sweep check` where the sweep runs."]
