"""A full disk is told from other errors."""

import errno

import pytest

from sweep.workers import disk


def raised(error, cause=None):
    """An exception that has been raised from this cause."""
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_it_is_found_at_the_end_of_a_chain_of_causes(number):
    first = OSError(number, "no room")
    assert disk.full_disk_in(first) is first
    second = raised(ValueError("cannot save"), first)
    assert disk.full_disk_in(raised(RuntimeError("the trial failed"), second)) is first


def test_it_is_found_by_the_message_of_a_library():
    error = RuntimeError("I/O error: No space left on device (os error 28)")
    assert disk.full_disk_in(error).errno == errno.ENOSPC


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "no such"), ValueError("disk")])
def test_other_errors_are_no_full_disk(error):
    assert disk.full_disk_in(error) is None
