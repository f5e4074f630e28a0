"""What every alignment set keeps to."""

import itertools
from contextlib import nullcontext
from typing import Any, get_args

import pytest

from trainables.data.counterfactual import Rule, Words, twins
from trainables.data.pairs import Pair
from trainables.data.sources import check_swap, read_pairs


def _pairs(chosen: Any, rule: Rule = "improved") -> list[Pair]:
    return list(chosen.pairs(rule, "gender"))


def has_pairs_of_two_texts(chosen: Any) -> None:
    pairs = _pairs(chosen)
    assert pairs
    for pair in pairs:
        stereotype, antistereotype = pair.stereotype.strip(), pair.antistereotype.strip()
        assert stereotype
        assert antistereotype
        assert stereotype != antistereotype


def knows_shares_or_says_so(chosen: Any) -> None:
    shares = [pair.real_share for pair in _pairs(chosen)]
    assert all(share is None or 0 <= share <= 1 for share in shares)


def has_the_same_pairs_in_the_same_order(chosen: Any) -> None:
    assert _pairs(chosen) == _pairs(chosen) == list(read_pairs(chosen.name))


def makes_twins_by_the_rule_or_has_them_given(chosen: Any) -> None:
    if not chosen.swapped:
        assert _pairs(chosen, "bias_bench") == _pairs(chosen, "improved")
        return
    for rule in get_args(Rule):
        for stereotype, antistereotype, original_is_stereotype, _ in _pairs(chosen, rule):
            both = stereotype, antistereotype
            original, twin = both if original_is_stereotype else both[::-1]
            assert twin in twins(original, rule)
    assert _pairs(chosen, "bias_bench") != _pairs(chosen, "improved")


def is_refused_rules_and_words_that_it_has_no_use_for(chosen: Any) -> None:
    for rule, words in itertools.product(get_args(Rule), get_args(Words)):
        is_default = (rule, words) == ("improved", "gender")
        fits = is_default or (chosen.swapped and words in chosen.words)
        sentence = rf"(swap and words|words) must be .* for {chosen.name}, .* but got "
        with nullcontext() if fits else pytest.raises(ValueError, match=sentence):
            check_swap(chosen.name, rule, words)
