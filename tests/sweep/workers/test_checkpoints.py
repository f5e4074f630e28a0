"""Stores of folders on a disk and in an object store: a folder is complete or not there."""

import uuid
from contextlib import suppress

import pytest

from sweep.config.spec import Checkpoints
from sweep.workers.checkpoints import CheckpointStores, FolderStore


@pytest.fixture(params=["folder", "memory", "s3"])
def store(request, tmp_path, monkeypatch):
    """A store in a local folder, in fsspec's own memory, and in an object store."""
    if request.param == "folder":
        return FolderStore(str(tmp_path / "kept"))
    if request.param == "memory":
        return FolderStore(f"memory://{uuid.uuid4().hex}")
    for name, value in request.getfixturevalue("s3").items():
        monkeypatch.setenv(name, value)
    return FolderStore(f"s3://kept/{uuid.uuid4().hex}")


def write(store, name, text):
    with store.write(name) as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "text").write_text(text)


def read(store, name):
    with store.read(name) as folder:
        return None if folder is None else (folder / "deep" / "text").read_text()


def test_a_folder_that_was_written_is_read(store):
    assert read(store, "7") is None
    write(store, "7", "one")
    assert read(store, "7") == "one"
    assert read(store, "8") is None


def test_the_latest_folder_is_read_and_earlier_ones_are_deleted(store):
    for text in ("one", "two", "three"):
        write(store, "7", text)
    assert read(store, "7") == "three"
    folders = [path for path in store._paths_in(f"{store._root}/7") if not path.endswith("latest")]
    assert len(folders) == 1


def test_a_folder_whose_block_raised_is_not_the_latest(store):
    write(store, "7", "whole")
    with suppress(ZeroDivisionError), store.write("7") as folder:
        (folder / "deep").mkdir()
        raise ZeroDivisionError
    assert read(store, "7") == "whole"
    write(store, "7", "next")
    assert read(store, "7") == "next"


def test_a_deleted_name_is_gone_and_may_be_deleted_again(store):
    write(store, "7", "one")
    write(store, "70", "other")
    store.delete("7")
    store.delete("7")
    assert read(store, "7") is None
    assert read(store, "70") == "other"


@pytest.mark.parametrize(
    ("keep", "checkpoints", "models"),
    [
        ({}, None, None),
        ({"resume": True}, FolderStore("s3://kept/tiny/checkpoints"), None),
        ({"model": True}, None, FolderStore("s3://kept/tiny/models")),
    ],
)
def test_there_is_a_store_for_each_thing_that_the_spec_keeps(keep, checkpoints, models):
    stores = CheckpointStores.under("s3://kept/tiny", Checkpoints(**keep))
    assert stores == CheckpointStores(checkpoints, models)
