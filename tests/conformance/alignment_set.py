"""The laws of every alignment set."""

import itertools
from contextlib import nullcontext
from typing import Any, get_args

import pytest

from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.pairs import Pair
from trainables.data.sources import check_swap, read_pairs


def _pairs(alignment_set: Any, rule: Rule = "improved") -> list[Pair]:
    """Return all pairs of a set, by the word list of gender."""
    return list(alignment_set.pairs(rule, "gender"))


def has_pairs_of_two_texts(alignment_set: Any) -> None:
    pairs = _pairs(alignment_set)
    assert pairs
    for pair in pairs:
        stereotype, antistereotype = pair.stereotype.strip(), pair.antistereotype.strip()
        assert stereotype
        assert antistereotype
        assert stereotype != antistereotype


def has_shares_between_0_and_1_or_none(alignment_set: Any) -> None:
    shares = [pair.real_share for pair in _pairs(alignment_set)]
    assert all(share is None or 0 <= share <= 1 for share in shares)


def has_the_same_pairs_in_the_same_order(alignment_set: Any) -> None:
    assert _pairs(alignment_set) == _pairs(alignment_set) == list(read_pairs(alignment_set.name))


def makes_twins_by_the_rule_or_has_them_given(alignment_set: Any) -> None:
    if not alignment_set.swapped:
        assert _pairs(alignment_set, "bias_bench") == _pairs(alignment_set, "improved")
        return
    for rule in get_args(Rule):
        for stereotype, antistereotype, original_is_stereotype, _ in _pairs(alignment_set, rule):
            texts = stereotype, antistereotype
            original, twin = texts if original_is_stereotype else texts[::-1]
            assert twin in twins(original, rule)
    assert _pairs(alignment_set, "bias_bench") != _pairs(alignment_set, "improved")


def refuses_rules_and_words_that_do_not_suit_it(alignment_set: Any) -> None:
    for rule, words in itertools.product(get_args(Rule), get_args(Words)):
        is_default = (rule, words) == ("improved", "gender")
        fits = is_default or (alignment_set.swapped and words in alignment_set.words)
        sentence = rf"(swap and words|words) must be .* for {alignment_set.name}, .* but got "
        with nullcontext() if fits else pytest.raises(ValueError, match=sentence):
            check_swap(alignment_set.name, rule, words)
