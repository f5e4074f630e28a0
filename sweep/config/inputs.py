"""The models and data sets that a trial reads, and the names by which their digests are recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple

InputRole = Literal["model", "alignment", "replay", "regulariser", "evaluator"]


class Input(NamedTuple):
    """A model or a data set that a trial reads.

    key:    of the spec, where the input is named.
    role:   what the trial reads it for.
    source: its name there: a path, the name of a set, or what an evaluator measures on.
    digest: fetches it if it is not here yet, and returns its sha256.
    """

    key: str
    role: InputRole
    source: str
    digest: Callable[[], str]

    @property
    def name(self) -> str:
        """The name by which its digest is recorded, as alignment.bug."""
        return f"{self.role}.{self.source}"


def role_in(name: str) -> str:
    """Return the role in a recorded name of an input.

    >>> role_in("alignment.bug")
    'alignment'
    """
    return name.partition(".")[0]
