"""Files of data that are too large, most of them small until they are unpacked."""

import gzip
import io
import tracemalloc

import pyarrow
import pytest
from pyarrow import parquet

from trainables.data import rows
from trainables.data.files import bounded as limits
from trainables.data.files import parquet as parquet_files
from trainables.data.files.bounded import bounded
from trainables.data.rows import user_rows

ZEROS = b"a" * (1 << 20)


def packed(path, head, part, number):
    """Write a file of a head and a number of equal parts, packed; return its name."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(head)
        for _ in range(number):
            file.write(part)
    return str(path)


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("texts.txt.gz", b""),
        ("pairs.csv.gz", b"stereotype,antistereotype\nx,"),
        ("pairs.tsv.gz", b'stereotype\tantistereotype\nx\t"'),
        ("pairs.jsonl.gz", b'{"stereotype": "'),
    ],
)
def test_a_line_that_does_not_end_is_refused_before_it_is_held_in_memory(name, head, tmp_path):
    path = packed(tmp_path / name, head, ZEROS, 300)
    tracemalloc.start()
    try:
        with pytest.raises(
            ValueError, match=r"must have at most 16 MiB in a line, but a line has more"
        ):
            list(user_rows(path))
        assert tracemalloc.get_traced_memory()[1] < 150e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["pairs.json.gz", "pairs.parquet.gz"])
def test_a_file_that_is_held_as_a_whole_is_refused_where_it_is_too_large(
    name, tmp_path, monkeypatch
):
    monkeypatch.setattr(limits, "MAX_WHOLE", 2 << 20)
    path = packed(tmp_path / name, b'[{"stereotype": "', ZEROS, 3)
    with pytest.raises(
        ValueError, match=r"must have at most 2 MiB, unpacked, but has more: take a"
    ):
        list(user_rows(path))


def test_a_file_of_many_lines_is_refused_where_it_is_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_DATA", 1 << 20)
    path = packed(tmp_path / "texts.txt.gz", b"", b"a text of some words\n", 100_000)
    with pytest.raises(
        ValueError, match=r"must have at most 1 MiB, unpacked, but has more: take a"
    ):
        list(user_rows(path))


@pytest.mark.long
def test_a_list_of_json_takes_little_more_memory_than_its_text(tmp_path):
    file = tmp_path / "pairs.json"
    file.write_text("[" + '{"a": [[], []]},' * 200_000 + "{}]")
    tracemalloc.start()
    try:
        assert sum(1 for _ in user_rows(str(file))) == 200_001
        assert tracemalloc.get_traced_memory()[1] < 4 * file.stat().st_size
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", ["texts.txt", "texts.jsonl", "texts.parquet"])
def test_a_file_of_too_many_rows_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setattr(rows, "MAX_ROWS", 3)
    path = tmp_path / name
    if name.endswith("parquet"):
        parquet.write_table(pyarrow.table({"text": ["a"] * 4}), path)
    else:
        path.write_text('{"text": "a"}\n' * 4)
    with pytest.raises(
        ValueError, match="must have at most 3 rows, but has more: take a part of it"
    ):
        list(user_rows(str(path)))


@pytest.mark.parametrize(
    ("limit", "most", "what"),
    [
        ("MAX_ROWS", 2, "rows"),
        ("MAX_DATA", 1000, "bytes, unpacked"),
        ("MAX_COLUMN", 1000, "bytes in a column of a row group, unpacked"),
        ("MAX_CELL", 1000, "bytes in a cell"),
    ],
)
def test_a_parquet_file_is_refused_by_what_it_says_of_itself(
    limit, most, what, tmp_path, monkeypatch
):
    path = tmp_path / "texts.parquet"
    texts = [str(number) * 100_000 for number in range(3)]
    parquet.write_table(pyarrow.table({"text": texts}), path, compression="zstd")
    assert len(list(user_rows(str(path)))) == 3
    assert path.stat().st_size < 2000
    monkeypatch.setattr(parquet_files, limit, most)
    with pytest.raises(ValueError, match=f"must have at most {most:,} {what}, but has "):
        list(user_rows(str(path)))


def test_a_quote_that_is_never_closed_is_said_before_its_cell_is_too_long(tmp_path):
    head = b'stereotype,antistereotype\nx,"'
    path = packed(tmp_path / "pairs.csv.gz", head, b"a line of text\n", 1_000_000)
    with pytest.raises(
        ValueError, match=r"a cell goes on for more than 10,000,000 characters: put"
    ):
        list(user_rows(path))


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
def test_what_is_read_is_what_the_file_has_up_to_the_limits(end, tmp_path, monkeypatch):
    monkeypatch.setattr(limits, "MAX_LINE", 100)
    monkeypatch.setattr(limits, "PART", 10)
    contents = (b"b" * (100 - len(end)) + end) * 1000
    monkeypatch.setattr(limits, "MAX_DATA", len(contents))
    assert bounded(io.BytesIO(contents), tmp_path, False).read() == contents
    longer = io.BytesIO(contents + b"b")
    with pytest.raises(ValueError, match="unpacked, but has more"):
        bounded(longer, tmp_path, False).read()


def test_a_wrong_byte_far_into_a_file_is_named_with_its_line(tmp_path):
    line = b"a text of some words\n"
    path = packed(tmp_path / "texts.txt.gz", b"", line, 200_000)
    with gzip.open(path, "ab") as file:
        file.write(b"caf\xe9\n")
    with pytest.raises(
        ValueError, match=r"line 200001: must be UTF-8, but has the byte 0xe9 \('é' in"
    ):
        list(user_rows(path))
