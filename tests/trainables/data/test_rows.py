"""Rows of files of every kind, and the errors for those that lack a field."""

import gzip
import json

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.assets.errors import AssetError
from trainables.data.files.kinds import PACKED, TEXTS
from trainables.data.rows import READERS, checked_row, read_rows, user_rows

ROWS = [{"x": "1", "y": "2"}, {"x": "3", "y": "4"}]


def write(path, rows, encoding="utf-8"):
    """Write rows as the kind of file that the path's name says."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    if kind == "parquet":
        pandas.DataFrame(rows).to_parquet(path.with_suffix(".p"))
        contents = path.with_suffix(".p").read_bytes()
    else:
        text = {
            "csv": lambda: pandas.DataFrame(rows).to_csv(index=False),
            "tsv": lambda: pandas.DataFrame(rows).to_csv(index=False, sep="\t"),
            "jsonl": lambda: "\n\n".join(map(json.dumps, rows)),
            "json": lambda: json.dumps(rows),
            "txt": lambda: "\n\n".join(row["text"] for row in rows),
        }[kind]()
        contents = text.encode(encoding)
    path.write_bytes(gzip.compress(contents) if path.suffix == ".gz" else contents)
    return str(path)


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != ".txt"])
def test_every_kind_of_file_gives_the_same_rows(kind, packed, tmp_path):
    path = tmp_path / f"a{kind}{packed}"
    write(path, ROWS)
    assert list(read_rows(path, "x", "y")) == ROWS
    assert [dict(row.fields) for row in user_rows(str(path))] == ROWS


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != ".parquet"])
def test_a_byte_order_mark_is_no_part_of_a_text(kind, encoding, tmp_path):
    name = write(tmp_path / f"a{kind}", [{"text": "She ménaged."}], encoding)
    assert [dict(row.fields) for row in user_rows(name)] == [{"text": "She ménaged."}]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "x\n1\n", r"a.csv, row 1 \(line 2\): must have the fields x, y, but lacks y; it has x."),
        ("a.jsonl", '{"x": 1, "y": 2}\n\n{"y": null}', "a.jsonl, line 3: must have .* lacks x, y"),
        ("a.json", '[{"x": 1, "y": 2}, {}]', "a.json, object 2: must have .* lacks x, y; it has none."),
        ("a.jsonl", "{", "a.jsonl, line 1: must be JSON, but "),
        ("a.jsonl", '{"x": "\\ud83d", "y": 1}', "a.jsonl, line 1: must have whole characters in the fi"),
        ("a.md", "x", r"a.md: must be a file whose name ends in \.csv, \.tsv, .* \(or in one of these and \.gz\)\."),
    ],
)  # fmt: skip
def test_a_row_that_lacks_a_field_is_one_clear_sentence(name, text, sentence, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as caught:
        list(read_rows(tmp_path / name, "x", "y"))
    assert str(caught.value).isprintable()


def test_a_row_that_is_no_mapping_is_one_clear_sentence():
    with pytest.raises(ValueError, match=r"item 3: must have the fields x, but is \[1\]."):
        checked_row([1], ("x",), "item 3")


def test_a_folder_and_a_file_that_is_not_there_are_one_clear_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"must be a file whose name ends in .*, but is a folder"):
        list(read_rows(tmp_path, "x"))
    with pytest.raises(AssetError, match=r"there is no file nothing\.csv, looked for from"):
        list(user_rows("nothing.csv"))


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.txt", ""), ("a.txt", "\n \n"), ("a.csv", "text\n"), ("a.jsonl", "\n"), ("a.json", "[]")],
)
def test_a_file_without_a_row_is_one_clear_sentence(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=f"{name}: must have rows of data, but has none"):
        list(user_rows(str(tmp_path / name)))


def test_a_document_of_200_000_characters_is_read_from_every_kind_of_file(tmp_path):
    text = "She left. " * 20_000
    for kind in READERS:
        (row,) = user_rows(write(tmp_path / f"a{kind}", [{"text": text.strip()}]))
        assert row.fields["text"] == text.strip()


@pytest.mark.parametrize("kind", TEXTS)
@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    contents=st.one_of(
        st.binary(max_size=60),
        st.lists(
            st.sampled_from(
                [*'",\t\n{}[]:', "\r\n", "\0", "\ufeff", "é", "text", "she", '{"text": "x"}', "null", "1e999"]
            ),
            max_size=12,
        ).map(lambda parts: "".join(parts).encode()),
    ),
    is_packed=st.booleans(),
)  # fmt: skip
def test_any_bytes_are_rows_or_one_sentence_about_the_file(kind, contents, is_packed, tmp_path):
    file = tmp_path / f"a{kind}{PACKED if is_packed else ''}"
    file.write_bytes(gzip.compress(contents) if is_packed else contents)
    refusal = ""
    try:
        list(user_rows(str(file)))
    except ValueError as error:
        refusal = str(error)
    assert refusal.startswith(str(file) if refusal else "")
    assert "\n" not in refusal
    assert len(refusal) < len(str(file)) + 400
