"""Labelled texts: some to train on, others to measure on."""

import json

import pytest

from tests.trainables.data.test_rows import write
from trainables.assets.cache import cache_dir
from trainables.assets.errors import AssetError
from trainables.data.rows import READERS
from trainables.data.sets import labelled
from trainables.data.sets.labelled import check_name, split


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "moods.jsonl"
    rows = [{"text": f"text {n}", "label": "sad" if n % 3 else "glad"} for n in range(40)]
    path.write_text("\n".join(map(json.dumps, rows)))
    return path


def test_no_text_is_both_trained_and_measured_on_and_none_is_lost(file):
    train_rows, test_rows = split(str(file), 1000, 1000)
    assert not {row.texts for row in train_rows} & {row.texts for row in test_rows}
    assert len(train_rows) + len(test_rows) == 40
    assert {row.label for row in train_rows} == {"sad", "glad"}


def test_a_text_that_occurs_twice_counts_once(file):
    file.write_text(file.read_text() + "\n" + file.read_text())
    train_rows, test_rows = split(str(file), 1000, 1000)
    assert len(train_rows) + len(test_rows) == 40


def test_the_split_is_the_same_each_time_and_of_the_given_sizes(file):
    assert split(str(file), 5, 7) == split(str(file), 5, 7)
    assert [len(half) for half in split(str(file), 5, 7)] == [5, 7]


def test_two_texts_are_a_pair_and_csv_is_read(tmp_path):
    path = tmp_path / "pairs.csv"
    rows = [f"premise {n},hypothesis {n},{n % 2}" for n in range(20)]
    path.write_text("text,text2,label\n" + "\n".join(rows))
    train_rows, test_rows = split(str(path), 100, 100)
    (row,) = [row for row in (*train_rows, *test_rows) if row.texts[0] == "premise 7"]
    assert row == (("premise 7", "hypothesis 7"), "1")


@pytest.mark.parametrize("kind", [kind for kind in READERS if kind != ".txt"])
def test_labels_are_the_same_from_every_kind_of_file(kind, tmp_path):
    rows = [{"text": f"text {n} ", "label": n % 2} for n in range(40)]
    train_rows, test_rows = split(write(tmp_path / f"moods{kind}", rows), 100, 100)
    expected = {((f"text {n}",), str(n % 2)) for n in range(40)}
    assert {*train_rows, *test_rows} == expected


def test_a_label_is_text_and_a_number_that_is_whole_is_written_without_a_point(tmp_path):
    lines = [f'{{"text": "text {n}", "label": {("1", "1.0", "true")[n % 3]}}}' for n in range(30)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    train_rows, test_rows = split(str(tmp_path / "a.jsonl"), 100, 100)
    assert {row.label for row in (*train_rows, *test_rows)} == {"1", "True"}


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"text": "a"}', "line 41: must have text in the field 'label', but has the fields text"),
        (
            '{"text": "a", "label": " "}',
            "line 41: must have text in the field 'label', but it is b",
        ),
        ('{"text": "a", "label": null}', "line 41: must have text in the field 'label', but got N"),
        (
            '{"text": "a", "label": [1]}',
            r"line 41: must have a class in the field 'label', .* \[1\]",
        ),
        ('{"text": "a", "label": 0.5}', "line 41: must have a class in the field 'label', .* 0.5"),
        ('{"text": "a", "label": NaN}', "line 41: must have a class in the field 'label', .* nan"),
        (
            '{"text": " ", "label": 1}',
            "line 41: must have text in the field 'text', but it is blank",
        ),
        ('{"text": 3, "label": 1}', "line 41: must have text in the field 'text', but got 3"),
        ('{"text": "a", "text2": 3, "label": 1}', "must have text in the field 'text2', but got 3"),
        ('{"text": "\\ud83d", "label": 1}', "line 41: must have sound text in the field 'text'"),
        ("{", "line 41: must be JSON, but "),
        ("[1]", r"line 41: must be a JSON object, but got \[1\]"),
    ],
)
def test_a_row_of_another_form_is_one_clear_sentence(line, sentence, file):
    file.write_text(file.read_text() + "\n" + line)
    with pytest.raises(ValueError, match=sentence):
        split(str(file), 10, 10)


def test_one_label_alone_or_nothing_at_all_is_one_clear_sentence(tmp_path):
    for text, sentence in (
        ("", "must have rows of data, but has none"),
        (
            '{"text": "a", "label": 1}\n{"text": "b", "label": 1}',
            "must have texts of at least two la",
        ),
    ):
        (tmp_path / "one.jsonl").write_text(text)
        with pytest.raises(ValueError, match=sentence):
            split(str(tmp_path / "one.jsonl"), 10, 10)


@pytest.mark.parametrize("name", ["imdb", "glue/sst2", "moods.tsv", "A.PARQUET", "m.json.gz"])
def test_known_names_and_files_are_accepted(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["imdb.csv", "folder/glue_sst2.jsonl.gz"])
def test_a_file_with_the_name_of_a_known_set_is_refused_as_metrics_are_named_by_it(name):
    with pytest.raises(ValueError, match=r"whose name is not that of a known set, .*: rename it"):
        check_name(name)


@pytest.mark.parametrize("name", ["glue/stsb", "sst2", "moods.txt", ""])
def test_unknown_names_are_refused_with_the_known_ones(name):
    with pytest.raises(ValueError, match=r"must name labelled texts that are known \(imdb, "):
        check_name(name)


def test_a_glue_task_put_there_by_hand_has_its_own_splits():
    folder = cache_dir() / "glue" / "rte"
    folder.mkdir(parents=True)
    for part, num in (("train", 6), ("validation", 4)):
        rows = [{"text": f"{part} {n}", "text2": "so", "label": n % 2} for n in range(num)]
        (folder / f"{part}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train_rows, test_rows = split("glue/rte", 100, 100)
    assert [len(train_rows), len(test_rows)] == [6, 4]
    assert all(row.texts[0].startswith("train") for row in train_rows)
    assert len(labelled.digest("glue/rte")) == 64


def test_a_glue_task_out_of_reach_is_one_clear_sentence(monkeypatch):
    monkeypatch.setattr(labelled.hub, "hub_problem", lambda: "it is far away")
    with pytest.raises(AssetError, match=r"not from the Hub \(it is far away\): go online, or put"):
        split("glue/sst2", 10, 10)
