"""Folders in a storage: whole or not there, on a disk and in an object store."""

import uuid
from contextlib import suppress

import pytest

from sweep.config.spec import Checkpoints
from sweep.workers.checkpoints import CheckpointStores, Storage


@pytest.fixture(params=["folder", "memory", "s3"])
def storage(request, tmp_path, monkeypatch):
    """A local path, fsspec's own store in memory, which is no file system, and an object store."""
    if request.param == "folder":
        return Storage(str(tmp_path / "kept"))
    if request.param == "memory":
        return Storage(f"memory://{uuid.uuid4().hex}")
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return Storage(f"s3://kept/{uuid.uuid4().hex}")


def write(storage, name, text):
    with storage.write(name) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "text").write_text(text)


def read(storage, name):
    with storage.read(name) as folder:
        return None if folder is None else (folder / "deep" / "text").read_text()


def test_what_was_written_is_read(storage):
    assert read(storage, "7") is None
    write(storage, "7", "one")
    assert read(storage, "7") == "one"
    assert read(storage, "8") is None


def test_the_latest_counts_and_older_ones_are_gone(storage):
    for text in ("one", "two", "three"):
        write(storage, "7", text)
    assert read(storage, "7") == "three"
    folders = [
        path for path in storage._listed(f"{storage._root}/7") if not path.endswith("latest")
    ]
    assert len(folders) == 1


def test_what_is_not_written_to_its_end_does_not_count(storage):
    write(storage, "7", "whole")
    with suppress(ZeroDivisionError), storage.write("7") as folder:
        (folder / "deep").mkdir()
        raise ZeroDivisionError
    assert read(storage, "7") == "whole"
    write(storage, "7", "next")
    assert read(storage, "7") == "next"


def test_what_is_deleted_is_not_there_and_may_be_deleted_again(storage):
    write(storage, "7", "one")
    write(storage, "70", "other")
    storage.delete("7")
    storage.delete("7")
    assert read(storage, "7") is None
    assert read(storage, "70") == "other"


@pytest.mark.parametrize(
    ("keep", "checkpoints", "models"),
    [
        ({}, None, None),
        ({"resume": True}, Storage("s3://kept/tiny/checkpoints"), None),
        ({"model": True}, None, Storage("s3://kept/tiny/models")),
    ],
)
def test_there_is_a_store_for_what_is_to_be_kept(keep, checkpoints, models):
    stores = CheckpointStores.under("s3://kept/tiny", Checkpoints(**keep))
    assert stores == CheckpointStores(checkpoints, models)
