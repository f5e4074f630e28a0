"""Objects of JSON, one a line or in a list; what is malformed is refused."""

import json
import math
import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.data.files.json_objects import json_lines, json_list
from trainables.data.files.row import sound_text

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=5,
)  # fmt: skip
ROWS = st.lists(st.dictionaries(st.text(), VALUES, max_size=4), min_size=1, max_size=4)


def read(folder, text, name):
    (folder / name).write_bytes(text.encode())
    reader = json_lines if name.endswith(".jsonl") else json_list
    return [fields for _, fields in reader(folder / name)]


@pytest.mark.parametrize("ascii_only", [True, False])
@in_one_folder
@given(ROWS, st.sampled_from(["\n", "\r\n", "\n\n"]), st.sampled_from([None, 1]))
def test_what_the_json_module_writes_is_read_back(ascii_only, tmp_path, rows, end, indent):
    lines = end.join(json.dumps(row, ensure_ascii=ascii_only) for row in rows)
    assert read(tmp_path, lines, "a.jsonl") == rows
    text = json.dumps(rows, ensure_ascii=ascii_only, indent=indent)
    assert read(tmp_path, text, "a.json") == rows


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_whole_number_that_is_too_long_for_python_is_an_infinite_one_and_no_text(name, tmp_path):
    """A field that nobody asks for may hold one."""
    digits = "7" * 5000
    text = f'{{"text": "a", "n": {digits}, "m": 12}}'
    (row,) = read(tmp_path, text if name == "a.jsonl" else f"[{text}]", name)
    assert row == {"text": "a", "n": math.inf, "m": 12}


@in_one_folder
@given(st.data(), ROWS)
def test_a_part_of_a_file_is_refused_or_has_the_first_rows(tmp_path, data, rows):
    whole = json.dumps(rows)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError, match=r"a\.json"):
        read(tmp_path, whole[:cut], "a.json")
    lines = "\n".join(map(json.dumps, rows))
    cut = data.draw(st.integers(0, len(lines) - 1))
    (tmp_path / "a.jsonl").write_text(lines[:cut])
    found = []
    with suppress(ValueError):
        found.extend(fields for _, fields in json_lines(tmp_path / "a.jsonl"))
    whole_lines = lines[:cut].count("\n") + (lines[cut] == "\n")
    assert found == rows[:whole_lines]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.jsonl", "\n{\n", "a.jsonl, line 2: must be JSON, but at column 2: Expecting property name"),
        ("a.jsonl", '[\n{"x": 1}\n]', "a.jsonl, line 1: must be JSON, but .*let the name end in .json."),
        ("a.jsonl", '[{"x": 1}]', "line 1: must be a JSON object, but got "),
        ("a.jsonl", '"she"', "line 1: must be a JSON object, but got 'she'."),
        ("a.jsonl", "x,y", "line 1: must be JSON, but at column 1: Expecting value."),
        ("a.jsonl", '{"x": 1}{"x": 2}', "line 1: must be JSON, but at column 9: Extra data."),
        ("a.jsonl", '{"x": 1, "x": 2}', "line 1: must be JSON, but has the key 'x' twice."),
        ("a.json", '[{"y": {"x": 1, "x": 2}}]', "a.json: must be JSON, but has the key 'x' twice."),
        ("a.json", "", r"a.json: must be a list of objects, \[{…}, …\], but is empty."),
        ("a.json", '{"x": [1]}', "must be a list of objects, .* but is an object with the keys x."),
        ("a.json", '"x"', "must be a list of objects, .* but is 'x'."),
        ("a.json", '[{"x": 1}, 3]', "a.json, object 2: must be a JSON object, but got 3."),
        ("a.json", '[\n{"x": 1}\n', "a.json: must be JSON, but at line 3, column 1: Expecting"),
        ("a.json", '{"x": 1}\n{"x": 2}', "line 2, column 1: Extra data: if it has one object a line, le"),
        ("a.json", "[" * 100_000, "a.json: must be JSON, but it has too many levels."),
    ],
)  # fmt: skip
def test_malformed_json_is_one_sentence_with_its_line(name, text, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence) as caught:
        read(tmp_path, text, name)
    assert "\n" not in str(caught.value)


def test_half_of_a_surrogate_pair_is_read_and_left_to_whoever_needs_the_field(tmp_path):
    assert read(tmp_path, '{"x": "\\ud83d", "y": "\\ud83d\\ude00"}', "a.jsonl") == [
        {"x": "\ud83d", "y": "😀"}
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
@pytest.mark.parametrize("written", ["9" * 10**6, "-" + "9" * 5000, "9" * 5000 + ".5", "1e999"])
def test_a_number_that_is_too_large_is_shown_as_it_was_written(name, written, tmp_path):
    text = f'{{"n": {written}}}'
    (row,) = read(tmp_path, text if name == "a.jsonl" else f"[{text}]", name)
    assert math.isinf(row["n"])
    start = written[:5]
    assert repr(row["n"]).startswith(start)
    assert len(repr(row["n"])) <= 80
    with pytest.raises(ValueError, match=f"must have text in the field 'n', but got {start}"):
        sound_text(row["n"], "a.json, object 1", "the field 'n'")


@pytest.mark.parametrize(
    "text",
    ['{"data": [' + "[]," * 10**6 + "[]]}", '[{"data": [' + "[]," * 10**6 + "[]]}]"],
    ids=["one object", "one object in a list"],
)
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_one_huge_object_is_refused_before_it_takes_memory(name, text, tmp_path):
    """A million empty lists take 64 MB, the text of them 3 MB."""
    tracemalloc.start()
    with pytest.raises(
        ValueError, match=r"must have at most 500,000 values in an object or a list, but"
    ):
        read(tmp_path, text, name)
    assert tracemalloc.get_traced_memory()[1] < 32 * 10**6
    tracemalloc.stop()


def test_a_large_file_of_one_object_a_line_is_told_from_one_huge_object(tmp_path):
    with pytest.raises(
        ValueError, match="Extra data: if it has one object a line, let its name end in"
    ):
        read(tmp_path, '{"text": "x"}\n' * 600_000, "a.json")
