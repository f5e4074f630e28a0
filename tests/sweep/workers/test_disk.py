"""A full disk is told from all else that goes wrong."""

import errno

import pytest

from sweep.workers import disk


def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_it_is_found_wherever_it_led(number):
    first = OSError(number, "no room")
    assert disk.full_disk_in(first) is first
    assert (
        disk.full_disk_in(raised(RuntimeError("Tune says"), raised(ValueError("so"), first)))
        is first
    )


def test_libraries_say_it_in_words():
    error = RuntimeError("I/O error: No space left on device (os error 28)")
    assert disk.full_disk_in(error).errno == errno.ENOSPC


@pytest.mark.parametrize("error", [OSError(errno.ENOENT, "no such"), ValueError("disk")])
def test_other_errors_are_none(error):
    assert disk.full_disk_in(error) is None
