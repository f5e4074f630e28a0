"""The user's file: pairs, or texts whose twins are made by swapping."""

import pytest

from tests.trainables.data.test_tables import write
from trainables.data.pairs import Pair
from trainables.data.sources import digest, read_pairs, read_texts


@pytest.mark.parametrize("suffix", [".csv", ".jsonl"])
def test_a_file_of_pairs_is_taken_as_it_is(suffix, tmp_path):
    rows = [{"antistereotype": "he is a nurse", "stereotype": "she is a nurse", "more": "x"}]
    file = write(tmp_path, f"pairs{suffix}", rows)
    assert list(read_pairs(file)) == [Pair("she is a nurse", "he is a nurse", True, None)]


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".txt"])
def test_texts_of_a_file_are_the_stereotypes_of_their_twins(suffix, tmp_path):
    rows = [{"text": t} for t in ("She is a nurse.", "It rains.", "HE left her, and she him.")]
    assert list(read_pairs(write(tmp_path, f"texts{suffix}", rows))) == [
        Pair("She is a nurse.", "He is a nurse."),
        Pair("HE left her, and she him.", "SHE left him, and he her."),
    ]


def test_another_rule_makes_other_twins(tmp_path):
    file = write(tmp_path, "texts.txt", [{"text": "She said: she saw her."}])
    assert [pair.antistereotype for pair in read_pairs(file)] == ["He said: he saw him."]
    assert [pair.antistereotype for pair in read_pairs(file, "bias_bench")] == [
        "She said: he saw his."
    ]


def test_words_of_three_groups_make_two_pairs_of_a_text(tmp_path):
    file = write(tmp_path, "texts.txt", [{"text": "A priest came."}, {"text": "He came."}])
    assert list(read_pairs(file, "improved", "religion")) == [
        Pair("A priest came.", "An imam came."),
        Pair("A priest came.", "A rabbi came."),
    ]


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "txt\nx\n", "row 1: must have the fields stereotype and antistereotype, or the"),
        ("a.jsonl", '{"stereotype": "a"}\n', "row 1: must have text in the field 'antistereotype'"),
        (
            "a.jsonl",
            '{"stereotype": "a", "antistereotype": "b"}\n{"text": "she"}\n',
            "row 2: must have text in the field 'stereotype'",
        ),
        ("a.jsonl", '{"text": "she"}\n{"text": 3}\n', "row 2: must have text in the field 'text'"),
        ("a.jsonl", '{"text": "she"}\n{"text"\n', "line 2: must be JSON"),
        (
            "a.jsonl",
            '{"stereotype": " ", "antistereotype": "b"}\n',
            "row 1: must have two texts that differ, but got ' ' and 'b'.",
        ),
        (
            "a.jsonl",
            '{"stereotype": "b", "antistereotype": "b"}\n',
            "row 1: must have two texts that differ, but got 'b' and 'b'.",
        ),
    ],
)
def test_a_file_of_another_form_is_one_clear_sentence(name, text, sentence, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=sentence) as caught:
        list(read_pairs(str(tmp_path / name)))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("settings", [("bias_bench", "gender"), ("improved", "race")])
def test_pairs_that_are_given_are_not_swapped(settings, tmp_path):
    file = write(tmp_path, "pairs.jsonl", [{"stereotype": "she", "antistereotype": "he"}])
    with pytest.raises(ValueError, match=r"must have texts \(a field text\) if swap or words are"):
        list(read_pairs(file, *settings))


def test_texts_are_their_own_keys(tmp_path):
    file = write(tmp_path, "texts.jsonl", [{"text": "It rains."}, {"text": "She left."}])
    assert list(read_texts(file)) == [("It rains.", "It rains."), ("She left.", "She left.")]


def test_a_changed_file_has_another_digest(tmp_path):
    file = write(tmp_path, "texts.txt", [{"text": "It rains."}])
    before = digest(file)
    write(tmp_path, "texts.txt", [{"text": "It snows."}])
    assert digest(file) != before
