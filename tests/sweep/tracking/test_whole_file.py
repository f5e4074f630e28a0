"""A file is written whole or not at all."""

import pytest

from sweep.tracking.whole_file import write_whole


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
