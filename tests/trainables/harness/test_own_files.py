"""What is wrong with the files beside the YAML of a task."""

import pytest

from trainables.assets.errors import AssetError
from trainables.harness.loaded import load


@pytest.mark.parametrize(
    "data_files",
    ["absent.jsonl", {"test": ["rows.jsonl", "absent.jsonl"]}, {"test": "/nowhere/a.jsonl"}, {"test": "no*.jsonl"}],
)  # fmt: skip
def test_a_file_of_data_that_is_missing_is_named(data_files, own_task):
    own_task(dataset_kwargs={"data_files": data_files})
    name = r"(absent.jsonl|/nowhere/a.jsonl|no\*.jsonl)"
    with pytest.raises(AssetError, match=rf"but: {name} must be there, in /\S+ or beside the YAML"):
        load("mine", None, None)


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_file_of_data_without_rows_is_named(text, own_task, tmp_path):
    (tmp_path / "empty.jsonl").write_text(text)
    own_task(dataset_kwargs={"data_files": {"test": "empty.jsonl"}})
    with pytest.raises(AssetError, match=r"but: /\S+/empty.jsonl\S* must ") as raised:
        load("mine", None, None)
    assert "StopIteration" not in str(raised.value)


ROW = '{"text": "the wolf eats", "choices": ["deer", "frogs"], "label": 0}\n'


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("rows.jsonl", ROW + ROW.replace("frogs", "\\ud83d"), "rows.jsonl, line 2: must have sound text in the field 'choices'"),
        ("rows.jsonl", ROW + ROW[:-3], "rows.jsonl, line 2: must be JSON, but at column"),
        ("rows.csv", "text,label\na,0\nb,c,1\n", r"rows.csv, row 2 \(line 3\): must have a cell for each"),
    ],
)  # fmt: skip
def test_data_of_ones_own_that_cannot_be_read_are_told_with_file_and_row(
    name, text, reason, own_task, tmp_path
):
    kind = "csv" if name.endswith("csv") else "json"
    own_task(dataset_path=kind, dataset_kwargs={"data_files": {"test": name}})
    (tmp_path / name).write_text(text)
    with pytest.raises(AssetError, match=reason) as raised:
        load("mine", None, None)
    assert "\n" not in str(raised.value)
