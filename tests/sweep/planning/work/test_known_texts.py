"""What is listed of the known sets is what they have."""

import pytest

from sweep.planning.work.known_texts import GENERAL, PAIRS, Texts
from sweep.planning.work.text_sizes import tenths_of
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
