"""Sets and files by name."""

import json

import pytest

from trainables.assets.errors import AssetError
from trainables.data.pairs import Pair
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS, UserFile, miniature
from trainables.data.sources import (
    check_name,
    check_swap,
    digest,
    num_held_out,
    read_pairs,
    read_texts,
)


@pytest.mark.parametrize("name", [*ALIGNMENT_SETS, "mine.csv", "folder/mine.jsonl", "x.txt.gz"])
def test_a_known_name_or_a_file_is_accepted(name):
    assert check_name(name, ALIGNMENT_SETS, "pairs") == name


def test_another_name_is_refused_with_the_known_ones():
    with pytest.raises(
        ValueError, match=r"known \(bug, bug_gold, .*, miniature\).* but got 'bugg'"
    ):
        check_name("bugg", ALIGNMENT_SETS, "pairs")


def test_names_are_listed_in_the_order_that_users_know():
    assert list(TEXT_SETS) == ["bold_wikipedia", "miniature"]
    assert list(ALIGNMENT_SETS) == [
        *("bug", "bug_gold", "bug_full", "stereoset_test", "panda"),
        *("winobias", "winobias_test", "bec_pro", "miniature"),
    ]


@pytest.mark.parametrize(
    ("name", "rule", "words", "sentence"),
    [
        (
            *("panda", "bias_bench", "gender"),
            "swap and words must be left out for panda, whose pairs are given, but got bias_bench "
            "and gender: they are for bug, bug_gold, bug_full and files of texts",
        ),
        (
            *("bug", "improved", "race"),
            "words must be gender for bug, which tells stereotypes of gender alone, but got race: "
            "race and religion are for files of texts",
        ),
    ],
)
def test_swapping_what_cannot_be_swapped_is_one_clear_sentence(name, rule, words, sentence):
    with pytest.raises(ValueError, match="must be") as caught:
        check_swap(name, rule, words)
    assert str(caught.value) == sentence


@pytest.mark.parametrize("words", ["gender", "race", "religion"])
def test_a_file_may_be_of_texts_that_any_words_are_swapped_in(words):
    check_swap("mine.txt", "bias_bench", words)


def test_a_set_of_pairs_and_of_texts_has_one_name_and_one_digest():
    assert sum(1 for _ in read_pairs("miniature")) == 4000
    assert tuple(key for key, _ in read_texts("miniature")) == miniature.general_texts()
    assert digest("miniature") == miniature.DIGEST


def test_the_texts_that_are_held_out_are_counted_each_once(tmp_path):
    texts = [str(n) for n in range(60)]  # of which 11 and 46 are held out
    (tmp_path / "a.txt").write_text("\n".join([*texts, "11", "12"]))
    assert num_held_out(str(tmp_path / "a.txt")) == (2, 2, 60)
    rows = [{"text": text, "source": "11" if int(text) < 30 else text} for text in texts]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert num_held_out(str(tmp_path / "a.jsonl")) == (31, 2, 60)
    twice = [{"text": text, "source": source} for text in texts for source in ("11", "12")]
    (tmp_path / "b.jsonl").write_text("\n".join(map(json.dumps, twice)))
    assert num_held_out(str(tmp_path / "b.jsonl")) == (60, 1, 60), "one source is enough"


def test_a_missing_file_is_one_clear_sentence():
    for read in (digest, lambda name: list(read_pairs(name)), lambda name: list(read_texts(name))):
        with pytest.raises(AssetError, match=r"there is no file nothing\.txt, looked for from"):
            read("nothing.txt")


def test_twins_are_made_once_as_long_as_the_file_stays_as_it_is(tmp_path, monkeypatch, own_cache):
    file = tmp_path / "texts.txt"
    file.write_text("she was tired\n")
    made = []
    real = UserFile.pairs
    monkeypatch.setattr(UserFile, "pairs", lambda *args: made.append(args) or real(*args))
    pair = Pair("she was tired", "he was tired")
    assert [[*read_pairs(str(file))] for _ in range(2)] == [[pair]] * 2
    assert len(made) == 1
    assert [*read_pairs(str(file), words="religion")] == []
    assert len(made) == 2, "with other words there are other pairs"
    file.write_text("she was sad\n")
    assert [*read_pairs(str(file))] == [Pair("she was sad", "he was sad")]


def test_a_row_that_cannot_be_read_is_said_each_time(tmp_path, own_cache):
    (tmp_path / "a.jsonl").write_text('{"stereotype": "she was", "antistereotype": 3}\n')
    for _ in range(2):
        with pytest.raises(
            ValueError, match=r"a\.jsonl, line 1: must have text in the field 'anti"
        ):
            [*read_pairs(str(tmp_path / "a.jsonl"))]
