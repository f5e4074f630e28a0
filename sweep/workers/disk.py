"""Recognise a full disk: it is no fault of a trial, and over once there is room."""

from __future__ import annotations

import errno

from trainables.schema.causes import causes

FULL_DISK_ERRNOS = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
MESSAGE = "No space left on device"  # by this text in errors of libraries that are no OSError


def full_disk_in(error: BaseException) -> OSError | None:
    """Return the OSError that means a full disk in the cause chain of an exception, or None.

    The exception itself belongs to its chain. An exception of a library that only has the message
    gives a new OSError.
    """
    for link in causes(error):
        if isinstance(link, OSError) and link.errno in FULL_DISK_ERRNOS:
            return link
        if MESSAGE in str(link):
            return OSError(errno.ENOSPC, MESSAGE)
    return None
