"""Lines of plain text."""

import pytest

from trainables.data.files.text_lines import text_lines


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_line_that_is_not_blank_is_a_text_and_keeps_its_number(end, tmp_path):
    (tmp_path / "a.txt").write_bytes(end.join(["  she left", "", " \t", "a,b\u2028c"]).encode())
    rows = list(text_lines(tmp_path / "a.txt"))
    assert [row.fields["text"] for row in rows] == ["  she left", "a,b\u2028c"]
    assert [row.where.rpartition("/")[2] for row in rows] == ["a.txt, line 1", "a.txt, line 4"]
