"""Why a sweep ended before its last trial, where that was not Ctrl-C."""

from __future__ import annotations

from typing import Literal


class Stopped(Exception):
    """A sweep was cancelled, or kept from going on; `sweep resume` runs what is left of it.

    state: the state that is recorded of the sweep.
    why: the reason in words, for a user to read.
    """

    def __init__(self, state: Literal["cancelled", "interrupted"], why: str) -> None:
        super().__init__(why)
        self.state = state
        self.why = why
