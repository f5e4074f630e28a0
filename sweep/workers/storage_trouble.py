"""Trouble of a place where files are: no fault of a trial, which is tried again."""

from __future__ import annotations

import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from sweep.workers import disk
from trainables.assets.errors import Unavailable
from trainables.schema.causes import causes
from trainables.schema.text.masking import masked_head

MAX_CHARS = 10_000  # characters of an error's text
# What a disk, a server of files or a network says that does not give them now, by the names of errno.
# All else tells of the files: they are gone, or the right to read them is, or a link leads nowhere.
TROUBLE = (
    "EIO ENXIO ENODEV ENOMEDIUM EBUSY EAGAIN EINTR ENOMEM ENOBUFS ENFILE EMFILE ENOLCK EDEADLK "
    "ESTALE EREMOTEIO EREMCHG ENOLINK ECOMM EPROTO ECANCELED EKEYEXPIRED EPIPE ENOTCONN ESHUTDOWN "
    "ETIMEDOUT ETIME EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH ENETRESET ENONET "
    "ECONNABORTED ECONNREFUSED ECONNRESET"
).split()
TROUBLE_ERRNOS = {getattr(errno, name) for name in TROUBLE if hasattr(errno, name)}
OF_NETWORK = (ConnectionError, TimeoutError, socket.gaierror)  # some without a number


class StorageTrouble(RuntimeError):
    """Checkpoints, models or data cannot be read or written where they are kept."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raise errors of the block as StorageTrouble, except that of a full disk, which stays as it is."""
    try:
        yield
    except Exception as error:
        if disk.full_disk_in(error):
            raise
        # Without its cause, whose text Ray would write to files beside it.
        raise StorageTrouble(in_words(error)) from None


def is_trouble(error: BaseException) -> bool:
    """Return whether an error of reading comes from the place and not from the files there.

    It does if an error of a disk or of the network is among its causes.
    """
    return any(
        isinstance(link, (Unavailable, *OF_NETWORK))
        or (isinstance(link, OSError) and link.errno in TROUBLE_ERRNOS | disk.FULL_DISK_ERRNOS)
        for link in causes(error)
    )


def in_words(error: Exception) -> str:
    """Return the kind of an error and its text, without secrets and of at most MAX_CHARS characters."""
    return masked_reason(f"{type(error).__name__}: {error}")


def masked_reason(text: str) -> str:
    """Return a text without secrets, of at most MAX_CHARS characters."""
    return masked_head(text, MAX_CHARS)
