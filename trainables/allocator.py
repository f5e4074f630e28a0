"""Keep freed memory in the process for the next tensor, instead of giving it back to the system.

On a CPU each step makes and drops gigabytes of logits and activations. By default the C library gives
such blocks back at once and fetches them again as zeroed pages: a fifth to a third of a training step,
a tenth of scoring. The peak of memory stays the same, but memory below the peak is no longer freed.
"""

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
NEVER = 2**31 - 1


def keep_freed_memory() -> bool:
    """Set glibc's allocator to keep freed memory; return whether it was set.

    Nothing is set, and the result is False, on other systems or C libraries, and where the user has set
    `GLIBC_TUNABLES` or any `MALLOC_…` in the environment.
    """
    is_tuned = any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ)
    if is_tuned or sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # another C library, such as musl
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, NEVER) and mallopt(M_TRIM_THRESHOLD, NEVER))
