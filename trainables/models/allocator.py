"""Freed memory is kept for the next tensor, instead of being given back and fetched page by page.

On a CPU each step makes and drops gigabytes of logits and activations. The C library gives such
blocks back at once and gets them again as zeroed pages: a fifth to a third of a training step, a
tenth of scoring . The peak of memory stays, what lies below it is kept.
"""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Whether it could be arranged: on Linux with glibc, unless the user has said otherwise.

    Said otherwise is any `MALLOC_…` or `GLIBC_TUNABLES` in the environment.
    """
    said = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if said or sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, as musl
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, NEVER) and mallopt(M_TRIM_THRESHOLD, NEVER))
