"""The user's file: pairs, or texts whose twins are made by swapping."""

import json

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.trainables.data.files.test_delimited import seems_cut
from tests.trainables.data.test_rows import write as write_file
from tests.trainables.data.test_tables import write
from trainables.data.pairs import Pair
from trainables.data.rows import READERS
from trainables.data.sources import digest, read_pairs, read_texts

KINDS = [kind + packed for kind in READERS for packed in ("", ".gz")]
in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.mark.parametrize("kind", [kind for kind in KINDS if ".txt" not in kind])
def test_a_file_of_pairs_is_taken_as_it_is_but_for_outer_blanks(kind, tmp_path):
    rows = [{"antistereotype": " he is a nurse", "stereotype": "she is a nurse\n", "more": "x"}]
    file = write_file(tmp_path / f"pairs{kind}", rows)
    assert list(read_pairs(file)) == [Pair("she is a nurse", "he is a nurse", True, None)]


@pytest.mark.parametrize("kind", KINDS)
def test_texts_of_a_file_are_the_stereotypes_of_their_twins(kind, tmp_path):
    rows = [{"text": t} for t in ("She is a nurse.", "It rains.", "HE left her, and she him.")]
    assert list(read_pairs(write_file(tmp_path / f"texts{kind}", rows))) == [
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


PAIR = '{"stereotype": "%s", "antistereotype": "%s"}\n'


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("a.csv", "txt\nx\n", "row 1 (line 2): must have the fields stereotype and antistereotype, or the"),
        ("a.jsonl", '{"stereotype": "a"}\n', "line 1: must have text in the field 'antistereotype', but has"),
        ("a.jsonl", PAIR % ("a", "b") + '{"text": "she"}\n', "line 2: must have text in the field 'stereotype'"),
        ("a.jsonl", '{"text": "she"}\n{"text": 3}\n', "line 2: must have text in the field 'text', but got 3."),
        ("a.jsonl", '{"text": "she"}\n{"text": ["he"]}\n', "line 2: must have text in the field 'text'"),
        ("a.jsonl", '{"text": "she"}\n{"text"\n', "line 2: must be JSON"),
        ("a.jsonl", PAIR % (" ", "b"), "line 1: must have text in the field 'stereotype', but it is blank."),
        ("a.jsonl", PAIR % ("b", "b"), "must have two texts that differ in more than blanks, but got 'b' and 'b'."),
        ("a.jsonl", PAIR % ("a b", " a  b"), "must have two texts that differ in more than blanks, but got 'a b'"),
        ("a.jsonl", PAIR % ("a b", "ab"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("a\u00adb", "a\u200bb"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("ab", "a\u034fb"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("ab", "a\ufe0fb"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("ab", "a\u3164b"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("ab", "a\u2800b"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("ab", "a\U000e0100b"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("\u00e9", "e\u0301"), "must have two texts that differ in more than blanks"),
        ("a.jsonl", PAIR % ("She was tired \\ud83d", "He was"), "line 1: must have sound text in the field 'ster"),
        ("a.jsonl", '{"text": "she \\u0000"}', "line 1: must have sound text in the field 'text', but character 5"),
        (
            "a.csv",
            "stereotype,antistereotype\nThe nurse said she was tired, so she left.,The nurse said he was "
            "tired, so he left.\n",
            "row 1 (line 2): must have a cell for each of the 2 headings (stereotype, antistereotype), but the number of its cells is 4",
        ),
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_one_clear_sentence(name, text, sentence, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match="must") as caught:
        list(read_pairs(str(tmp_path / name)))
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()


def test_blanks_after_a_comma_are_no_part_of_a_sentence(tmp_path):
    (tmp_path / "a.csv").write_text(
        "stereotype,antistereotype\nJames is strong., Mary is strong.\n"
    )
    (pair,) = read_pairs(str(tmp_path / "a.csv"))
    assert pair == Pair("James is strong.", "Mary is strong.")


@pytest.mark.parametrize("kind", [".csv", ".tsv", ".jsonl", ".json", ".parquet"])
@in_one_folder
@given(st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), min_size=1, max_size=3))
def test_pairs_that_are_written_are_read_back_or_refused(kind, tmp_path, pairs):
    rows = [dict(zip(("stereotype", "antistereotype"), pair, strict=True)) for pair in pairs]
    # A row of blanks is none in a table, and a row without words in JSON.
    assume(all(any(map(str.strip, pair)) for pair in pairs))
    assume("\r" not in "".join(map("".join, pairs)))  # pandas puts no quotes around it
    assume(kind != ".csv" or not seems_cut(pairs))
    file = write_file(tmp_path / f"a{kind}", rows)
    try:
        found = list(read_pairs(file))
    except ValueError as error:
        number = int(str(error).partition("a" + kind + ", ")[2].split()[1].rstrip(":"))
        texts = rows[number - 1].values() if kind != ".jsonl" else pairs[number // 2]
        assert not all(map(_is_sound, texts)) or len({"".join(t.split()) for t in texts}) == 1
    else:
        assert found == [Pair(*map(str.strip, pair)) for pair in pairs]


def _is_sound(text):
    """Whether a text has words and no control character."""
    return bool(text.strip()) and not any(
        sign == "\ufeff" or (not sign.isprintable() and sign < "\xa0" and sign not in "\t\n\v\f\r")
        for sign in text
    )


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_a_blank_text_is_left_out_as_a_blank_line_is(name, tmp_path):
    rows = [{"id": "1", "text": "It rains."}, {"id": "2", "text": " "}, {"id": "3", "text": "She."}]
    file = write_file(tmp_path / name, rows)
    assert [text for _, text in read_texts(file)] == ["It rains.", "She."]


@pytest.mark.parametrize("settings", [("bias_bench", "gender"), ("improved", "race")])
def test_pairs_that_are_given_are_not_swapped(settings, tmp_path):
    file = write(tmp_path, "pairs.jsonl", [{"stereotype": "she", "antistereotype": "he"}])
    with pytest.raises(ValueError, match=r"must have texts \(a field text\) if swap or words are"):
        list(read_pairs(file, *settings))


def test_texts_are_their_own_keys(tmp_path):
    file = write(tmp_path, "texts.jsonl", [{"text": "It rains."}, {"text": "She left."}])
    assert list(read_texts(file)) == [("It rains.", "It rains."), ("She left.", "She left.")]


def test_a_text_whose_source_is_blank_is_its_own_key(tmp_path):
    rows = [
        {"text": "a", "source": " "},
        {"text": "b", "source": ""},
        {"text": "c", "source": " x "},
    ]
    rows += [{"text": "d", "source": None}, {"text": "e"}]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = list(read_texts(str(tmp_path / "a.jsonl")))
    assert found == [("a", "a"), ("b", "b"), ("x", "c"), ("d", "d"), ("e", "e")]


def test_a_changed_file_has_another_digest(tmp_path):
    file = write(tmp_path, "texts.txt", [{"text": "It rains."}])
    before = digest(file)
    write(tmp_path, "texts.txt", [{"text": "It snows."}])
    assert digest(file) != before
