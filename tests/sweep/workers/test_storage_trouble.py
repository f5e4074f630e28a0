"""Errors that come from a place of files, and those that come from the files."""

import errno
import socket
import traceback

import pytest

from sweep.workers.storage_trouble import (
    MAX_CHARS,
    StorageTrouble,
    in_words,
    is_trouble,
    storage_errors,
)
from trainables.assets.errors import AssetError, Unavailable


def caused_by(cause):
    """An AssetError that has come from another error."""
    try:
        raise AssetError("it cannot be had") from cause
    except AssetError as error:
        return error


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ESTALE, errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENOSPC]
)
def test_what_the_operating_system_cannot_read_now_is_trouble(number):
    assert is_trouble(OSError(number, "text"))
    assert is_trouble(caused_by(OSError(number, "text")))


def test_a_source_that_is_out_of_reach_is_trouble():
    assert is_trouble(caused_by(Unavailable("no answer")))


@pytest.mark.parametrize("kind", [TimeoutError, ConnectionResetError, socket.gaierror])
def test_what_the_network_cannot_give_is_trouble(kind):
    assert is_trouble(caused_by(kind("text")))


@pytest.mark.parametrize(
    "number",
    [
        *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
        *(errno.EACCES, errno.EPERM, errno.ENAMETOOLONG, errno.EINVAL),
    ],
)
def test_a_file_that_is_not_there_or_may_not_be_read_is_none(number):
    assert not is_trouble(OSError(number, "text"))
    assert not is_trouble(caused_by(OSError(number, "text")))
    assert not is_trouble(AssetError("there is no file"))
    assert not is_trouble(ValueError("a row lacks its text"))


def test_trouble_is_told_without_its_secrets_and_without_what_it_came_from():
    key = "Pw99x"
    with (
        pytest.raises(StorageTrouble, match=r"ValueError: s3://\*\*\*@kept") as error,
        storage_errors(),
    ):
        raise ValueError(f"s3://{key}@kept is away")
    assert key not in "".join(traceback.format_exception(error.value))


def test_a_full_disk_stays_one():
    with pytest.raises(OSError, match="No space") as error, storage_errors():
        raise OSError(errno.ENOSPC, "No space left on device")
    assert error.value.errno == errno.ENOSPC


def test_words_are_bounded():
    assert in_words(ValueError("a" * 10**6)) == f"ValueError: {'a' * 10**6}"[:MAX_CHARS]
