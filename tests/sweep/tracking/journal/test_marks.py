"""A mark is read as it was written, or known to be damaged."""

import pytest

from sweep.tracking.journal.marks import Mark, read_mark, read_written
from sweep.tracking.whole_file import stamp, stamped, write_in_place


def test_a_mark_that_is_written_in_place_takes_the_place_of_a_longer_one(tmp_path):
    path = tmp_path / "written"
    for longer in (stamp("123456 aaaabbbb"), "x" * 200):
        path.write_text(longer)
        write_in_place(path, "7")
        assert stamped(path) == ["7"]
    assert read_written(path) == 7
    write_in_place(path, "123456789 aaaabbbb")
    assert stamped(path) == ["123456789", "aaaabbbb"]


@pytest.mark.parametrize("damaged", ["7 00000000\n", "7", "\0" * 81, "x"])
def test_a_mark_with_another_checksum_is_damaged(tmp_path, damaged):
    path = tmp_path / "written"
    path.write_text(damaged)
    assert stamped(path) is None
    assert read_written(path) is None


def test_a_mark_of_the_delivery_has_the_size_the_number_and_the_sum_of_the_last_line(tmp_path):
    path = tmp_path / "delivered"
    assert read_mark(path) == Mark()
    for text, mark in (("90 3", Mark(90, 3)), ("90 3 ab12", Mark(90, 3, "ab12"))):
        path.write_text(stamp(text))
        assert read_mark(path) == mark
    path.write_text("90")  # of an early release
    assert read_mark(path) == Mark(90)
    path.write_text(stamp("90 3")[:-2])
    assert read_mark(path) is None
