"""CrowS-Pairs: the pairs of each kind of bias."""

from collections import Counter

import pytest

from trainables.data.sets.crows_pairs import sentence_pairs

FILE = "crows_pairs/crows_pairs_anonymized.csv"


def row(more, less, bias_type, direction="stereo"):
    sentences = {"sent_more": more, "sent_less": less}
    return sentences | {"stereo_antistereo": direction, "bias_type": bias_type}


def test_the_pairs_of_one_kind_are_chosen(put):
    put(FILE, [row("she", "he", "gender"), row("old", "young", "age", "antistereo")])
    assert sentence_pairs("gender") == [("she", "he", False)]
    assert sentence_pairs("all") == [("she", "he", False), ("old", "young", True)]
    assert sentence_pairs("religion") == []


def test_a_pair_without_words_is_one_clear_sentence(put):
    put(FILE, [row("she", "he", "gender"), row("she", " ", "gender")])
    with pytest.raises(ValueError, match=r"every sentence must have words, but pair 2 has none\."):
        sentence_pairs("gender")


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_pairs_are_all_there():
    kinds = {
        "race-color": 516,
        "gender": 262,
        "socioeconomic": 172,
        "nationality": 159,
        "religion": 105,
        "age": 87,
        "sexual-orientation": 84,
        "physical-appearance": 63,
        "disability": 60,
    }
    assert {kind: len(sentence_pairs(kind)) for kind in kinds} == kinds
    every = Counter(sentence_pairs("all"))
    assert every.total() == 1508
    assert sum(pair.less_is_first for pair in every.elements()) == 218
    assert all(every[pair] for pair in sentence_pairs("gender"))
