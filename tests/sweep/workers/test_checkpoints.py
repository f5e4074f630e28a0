"""Stores of folders on a disk and in an object store: a folder is complete or not there."""

import uuid
from contextlib import suppress
from os import readlink
from pathlib import Path

import pytest

from sweep.config.spec import Checkpoints
from sweep.workers.checkpoints import CheckpointStores, DamagedFolder, FolderStore


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


def pointer_of(store, name):
    return f"{store._root}/{name}/latest"


@pytest.mark.parametrize(
    "content",
    [b"", b"0123", bytes(32), b"/", b"..", b"../..", b"[" * 10**5, b"\xff" * 32, b"0" * 32, None],
    ids=lambda content: repr(content)[:20],
)
def test_a_latest_that_names_no_folder_beside_it_is_refused_in_a_sentence(content, store):
    write(store, "7", "one")
    if content is None:
        content = str(store._paths_in(f"{store._root}/7")[0]).encode()  # its whole path
    store._files.pipe_file(pointer_of(store, "7"), content)
    with pytest.raises(DamagedFolder, match=r"7/latest must .* a folder beside it") as refused:
        read(store, "7")
    assert len(str(refused.value)) < 400
    write(store, "7", "two")
    assert read(store, "7") == "two"


def test_a_latest_that_names_a_path_elsewhere_gives_nothing_of_it(store, tmp_path):
    (tmp_path / "of-somebody-else").mkdir()
    write(store, "7", "one")
    store._files.pipe_file(pointer_of(store, "7"), str(tmp_path / "of-somebody-else").encode())
    with pytest.raises(DamagedFolder, match="7/latest must hold 32 digits"):
        read(store, "7")


def test_a_folder_in_place_of_latest_is_refused_in_a_sentence(tmp_path):
    store = FolderStore(str(tmp_path))
    (tmp_path / "7" / "latest").mkdir(parents=True)
    with pytest.raises(DamagedFolder, match="7/latest must be a file, but is a folder"):
        read(store, "7")


def test_what_is_written_is_on_the_disk_before_it_is_named(tmp_path, monkeypatch):
    """A power cut leaves the old folder with its name, or the new one."""
    flushed = []
    monkeypatch.setattr(
        "os.fsync", lambda number: flushed.append(readlink(f"/proc/self/fd/{number}"))
    )
    write(FolderStore(str(tmp_path)), "7", "one")
    (serial,) = [path.name for path in (tmp_path / "7").iterdir() if path.name != "latest"]
    *before, after = [str(Path(path).relative_to(tmp_path)) for path in flushed]
    assert after == "7"
    assert {*before} == {
        f"7/{serial}/deep/text",
        f"7/{serial}/deep",
        f"7/{serial}",
        "7/latest.new",
        "7",
    }


def test_a_finished_model_is_taken_once_and_what_is_left_of_it_goes(tmp_path, caplog):
    stores = CheckpointStores(models=FolderStore(str(tmp_path / "models")))
    write(stores.models, "0007", "a model")
    with stores.finished_model(7, is_due=True) as folder:
        folder.rename(tmp_path / "taken")
    assert (tmp_path / "taken" / "deep" / "text").read_text() == "a model"
    assert [*(tmp_path / "models").iterdir()] == []
    for others in (CheckpointStores(), stores):  # none is kept, or the trial has failed
        with others.finished_model(7, is_due=others is not stores) as folder:
            assert folder is None
    assert caplog.messages == []


def test_a_finished_model_that_is_damaged_is_said_and_left_where_it_is(tmp_path, caplog):
    stores = CheckpointStores(models=FolderStore(str(tmp_path / "models")))
    write(stores.models, "0007", "a model")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "models" / "0007" / "latest").write_text(str(tmp_path / "elsewhere"))
    paths = {*tmp_path.rglob("*")}
    with stores.finished_model(7, is_due=True) as folder:
        assert folder is None
    assert {*tmp_path.rglob("*")} == paths
    (message,) = caplog.messages
    assert message.startswith("the model of trial 7 is not recorded, as ")
    (tmp_path / "models" / "0007" / "latest").unlink()
    with stores.finished_model(7, is_due=True) as folder:
        assert folder is None
    assert caplog.messages[1].endswith("models/0007 must hold it, but it is not there")
