"""The kind of a file by its name."""

import pytest

from trainables.data.files.kinds import ROWS, dataset_label, files_named, is_packed, kind_of


@pytest.mark.parametrize(
    ("name", "kind", "packed"),
    [
        ("a.csv", ".csv", False),
        ("folder.csv/PAIRS.CSV", ".csv", False),
        ("a.b.jsonl.gz", ".jsonl", True),
        ("A.TXT.GZ", ".txt", True),
        ("a.json", ".json", False),
        ("a.xlsx", "", False),
        ("a.gz", "", True),
        ("a.jsonl.zip", "", False),
        (".csv", "", False),  # a hidden file without an end
        ("bug", "", False),
    ],
)
def test_the_end_of_a_name_says_the_kind_whatever_its_case(name, kind, packed):
    assert kind_of(name) == kind
    assert is_packed(name) == packed


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("imdb", "imdb"),
        ("glue/sst2", "glue_sst2"),
        ("data/my moods.csv", "my moods"),
        ("moods.v2.JSONL.GZ", "moods.v2"),
        ("moods(1),+.csv", "moods_1___"),  # MLflow takes no other signs
        ("me\u0301nage.csv", "ménage"),  # as some file systems write é
        ("...csv", "_"),  # MLflow takes `..` for the folder above
    ],
)
def test_a_metric_is_named_by_the_set_or_by_the_file_alone(name, label):
    assert dataset_label(name) == label


def test_a_name_without_its_end_means_the_files_that_have_one(tmp_path, monkeypatch):
    for file in ("colours.csv", "colours.jsonl.gz", "colours.txt", "colours.xlsx", "colour.csv"):
        (tmp_path / file).write_text("")
    (tmp_path / "colours.json").mkdir()
    monkeypatch.chdir(tmp_path)
    assert files_named("colours", ROWS) == ["colours.csv", "colours.jsonl.gz"]
    assert files_named("", ROWS) == files_named("moods", ROWS) == []
