"""How many tokens the texts of a set have."""

import pytest

from sweep.planning.work import text_sizes
from sweep.planning.work.text_sizes import GENERAL, PAIRS, UNKNOWN, Texts, mean_tokens, tenths_of
from trainables.data import sources
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS


def test_every_known_set_is_listed():
    assert PAIRS.keys() == ALIGNMENT_SETS.keys()
    assert GENERAL.keys() == TEXT_SETS.keys()


@pytest.mark.parametrize("name", ["miniature", "bug_gold", "stereoset_test", "winobias"])
def test_what_is_listed_is_what_a_set_has(name, monkeypatch):
    monkeypatch.delenv("EQUIPOISE_CACHE")
    lengths = [len(pair.stereotype) for pair in sources.read_pairs(name)]
    assert PAIRS[name] == Texts(len(lengths), tenths_of(lengths))


@pytest.mark.parametrize("name", GENERAL)
def test_what_is_listed_is_what_general_texts_have(name, monkeypatch):
    monkeypatch.delenv("EQUIPOISE_CACHE")
    lengths = [len(text) for _, text in sources.read_texts(name)]
    assert GENERAL[name] == Texts(len(lengths), tenths_of(lengths))


def test_long_texts_are_cut():
    assert mean_tokens((50, 100), characters=5, max_tokens=100) == 16
    assert mean_tokens((50, 100), characters=5, max_tokens=12) == 12


def test_a_users_file_is_looked_at(tmp_path):
    pairs, texts = tmp_path / "pairs.csv", tmp_path / "texts.txt"
    pairs.write_text("stereotype,antistereotype\n" + "aaaa,bbbb\n" * 20)
    texts.write_text("0123456789\n" * 30)
    assert text_sizes.pairs_of(str(pairs)) == Texts(20, (4,) * 10)
    assert text_sizes.general_of(str(texts)) == Texts(30, (10,) * 10)
    assert text_sizes.general_of(str(tmp_path / "absent.txt")) == UNKNOWN
