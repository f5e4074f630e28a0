"""A file is written whole or not at all."""

import os

import pytest

from sweep.tracking.whole_file import (
    DamagedFile,
    delete,
    no_link,
    read_line,
    stamped,
    write_in_place,
    write_whole,
)


def test_it_replaces_what_was_there_in_one_step(tmp_path):
    path = tmp_path / "mark"
    write_whole(path, "one\n")
    with path.open() as reader:
        write_whole(path, "two\r\n")
        assert reader.read() == "one\n", "whoever has it open reads on in the old one"
    assert path.read_bytes() == b"two\r\n"
    assert [file.name for file in tmp_path.iterdir()] == ["mark"]


def test_what_was_there_stays_if_it_cannot_be_written(tmp_path):
    path = tmp_path / "mark"
    write_whole(path, "one")
    (tmp_path / "mark.new").mkdir()
    with pytest.raises(IsADirectoryError):
        write_whole(path, "two")
    assert path.read_text() == "one"


@pytest.mark.parametrize("write", [write_whole, write_in_place])
@pytest.mark.parametrize("name", ["mark", "mark.new"])
def test_a_link_to_a_file_of_another_place_is_replaced_and_not_followed(write, name, tmp_path):
    victim, folder = tmp_path / "victim", tmp_path / "sweep"
    victim.write_text("as it was")
    folder.mkdir()
    (folder / name).symlink_to(victim)
    write(folder / "mark", "two")
    assert victim.read_text() == "as it was"
    assert not (folder / "mark").is_symlink()
    assert (folder / "mark").read_text().startswith("two")


@pytest.mark.parametrize("write", [write_whole, write_in_place])
def test_an_empty_folder_in_the_place_of_a_file_makes_way(write, tmp_path):
    (tmp_path / "mark").mkdir()
    assert stamped(tmp_path / "mark") is None
    write(tmp_path / "mark", "two")
    assert (tmp_path / "mark").read_text().startswith("two")


def test_a_file_that_is_added_to_is_no_link(tmp_path):
    (tmp_path / "victim").write_text("as it was")
    (tmp_path / "journal").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="a link is not followed here, put the file itself"):
        no_link(tmp_path / "journal", os.O_WRONLY | os.O_APPEND)


def test_of_a_link_the_link_alone_is_deleted_wherever_it_is(tmp_path):
    (tmp_path / "victim").mkdir()
    (tmp_path / "victim/notes").write_text("as they were")
    for place in ("link", "folder/deep/link"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).symlink_to(tmp_path / "victim")
    for name in ("link", "folder", "nowhere"):
        delete(tmp_path / name)
    assert [path.name for path in tmp_path.rglob("*")] == ["victim", "notes"]


def test_files_that_are_kept_stay_with_their_folders_and_all_else_goes(tmp_path):
    for name in ("a/b/kept", "a/b/gone", "a/c/gone"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    delete(tmp_path / "a", {tmp_path / "a/b/kept"})
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "kept"]


def test_a_line_is_read_back_and_a_file_that_is_not_there_is_none(tmp_path):
    path = tmp_path / "address"
    assert read_line(path, "an address") is None
    for text in ("http://h:5000", "http://h:5000\n", "/home/a b/ü"):
        path.write_text(text)
        assert read_line(path, "an address") == text.removesuffix("\n")


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"a\nb\n", "holds something else"),
        (bytes(20), "holds something else"),
        (b"[" * 10**5, "holds something else"),
        (b"\xff\x80", "is no text in UTF-8"),
        (None, r"cannot be read \(Is a directory\)"),
    ],
)
def test_what_is_not_one_line_of_text_is_refused(tmp_path, content, problem):
    path = tmp_path / "address"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(
        DamagedFile, match=rf"address must hold an address, in one line, but {problem}: put"
    ):
        read_line(path, "an address")


@pytest.mark.parametrize("mode", ["rb", "ab", "rb+"])
def test_a_pipe_is_no_file_and_nobody_waits_for_it(mode, tmp_path):
    os.mkfifo(tmp_path / "journal")
    with (
        pytest.raises(OSError, match="it must be a file, but is none"),
        open(tmp_path / "journal", mode, opener=no_link),
    ):
        pytest.fail("it is opened")
