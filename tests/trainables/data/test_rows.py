"""Rows of files, and the errors for those that lack a field."""

import pytest

from trainables.data.rows import checked_row, read_rows, read_user_rows


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "x,y\n1,2\n3,4\n"),
        ("mark.csv", "\ufeffx,y\n1,2\n3,4\n"),
        ("a.tsv", "x\ty\n1\t2\n3\t4\n"),
        ("a.jsonl", '{"x": "1", "y": "2"}\n\n{"x": "3", "y": "4"}'),
    ],
)
def test_every_kind_of_file_gives_the_same_rows(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    rows = list(read_rows(tmp_path / name, "x", "y"))
    assert rows == [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "x\n1\n", "a.csv, row 1: must have the fields x, y, but lacks y; it has x."),
        ("a.csv", "x,y\n1,2\n3\n", "a.csv, row 2: must have the fields x, y, but lacks y"),
        ("a.jsonl", '{"x": 1, "y": 2}\n\n{"y": null}', "a.jsonl, line 3: must have .* lacks x, y"),
        ("a.jsonl", "{", "a.jsonl, line 1: must be JSON, but "),
        ("a.jsonl", "[]", r"a.jsonl, line 1: must be a JSON object, but got \[\]."),
    ],
)
def test_a_row_that_lacks_a_field_is_one_clear_sentence(name, text, sentence, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence):
        list(read_rows(tmp_path / name, "x", "y"))


def test_a_row_that_is_no_mapping_is_one_clear_sentence():
    with pytest.raises(ValueError, match=r"item 3: must have the fields x, but is \[1\]."):
        checked_row([1], ("x",), "item 3")


def test_a_file_in_another_encoding_and_a_folder_are_one_clear_sentence(tmp_path):
    (tmp_path / "latin.csv").write_bytes("x\né\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.csv: must be UTF-8, but .*: save it as UTF-8"):
        list(read_rows(tmp_path / "latin.csv", "x"))
    (tmp_path / "latin.txt").write_bytes("é\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin.txt: must be UTF-8, but .*: save it as UTF-8"):
        list(read_user_rows(str(tmp_path / "latin.txt")))
    with pytest.raises(ValueError, match=r"must be a file of rows .*, but is a folder"):
        list(read_rows(tmp_path, "x"))


@pytest.mark.parametrize(
    ("name", "text"), [("a.txt", "she"), ("a.csv", "text\nshe"), ("a.jsonl", '{"text": "she"}')]
)
def test_a_byte_order_mark_is_no_part_of_a_text(name, text, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8-sig")
    assert list(read_user_rows(str(tmp_path / name))) == [{"text": "she"}]
