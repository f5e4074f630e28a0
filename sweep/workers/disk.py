"""A full disk: which errors mean one. It is no fault of a trial, and over once there is room."""

from __future__ import annotations

import errno

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
SAYS = "No space left on device"  # libraries that are not Python's own raise what they like


def full_disk_in(error: BaseException) -> OSError | None:
    """The full disk that an exception, or one that led to it, speaks of; None if it is of another."""
    at: BaseException | None = error
    while at is not None:
        if isinstance(at, OSError) and at.errno in FULL:
            return at
        if SAYS in str(at):
            return OSError(errno.ENOSPC, SAYS)
        at = at.__cause__ or at.__context__
    return None
