"""BUG: the sentences that become pairs, and which of the two is the original."""

import pytest

from tests.conformance.alignment_set import (
    has_pairs_of_two_texts,
    has_shares_between_0_and_1_or_none,
)
from trainables.data.counterfactual import swap
from trainables.data.pairs import Pair
from trainables.data.sets.bug import Bug
from trainables.data.sources import read_pairs


def row(text, stereotype, profession, gender):
    return {
        "sentence_text": text,
        "stereotype": stereotype,
        "profession": profession,
        "predicted gender": gender,
    }


@pytest.mark.parametrize(
    ("name", "file"),
    [("bug", "balanced_BUG.csv"), ("bug_gold", "gold_BUG.csv"), ("bug_full", "full_BUG.csv")],
)
def test_sentences_become_pairs_by_their_label(name, file, put, shares):
    rows = [
        row("The nurse said she was sad .", "1", "Nurse", "Female"),
        row("The nurse said he was sad .", "-1", "nurse", "male"),
        row("The mechanic said he was sad .", "1", "mechanic", "male"),
        row("The poet said he was sad .", "1", "poet", "male"),
        row("The person said he was sad .", "0", "person", "male"),
        row("The nurse was sad .", "1", "nurse", "female"),
    ]
    put(f"{name}/{file}", rows)
    she, he = "The nurse said she was sad.", "The nurse said he was sad."
    # Of nurses 89.58 % are women, and of mechanics 100 − 1.8 % are men.
    assert list(read_pairs(name)) == [
        Pair(she, he, True, pytest.approx(0.8958)),
        Pair(she, he, False, pytest.approx(0.8958)),
        Pair(
            "The mechanic said he was sad.",
            "The mechanic said she was sad.",
            True,
            pytest.approx(0.982),
        ),
        Pair("The poet said he was sad.", "The poet said she was sad.", True, None),
    ]


def test_another_rule_makes_other_twins(put, shares):
    put("bug/balanced_BUG.csv", [row("he saw her .", "1", "nurse", "male")])
    twins = [
        pair.antistereotype
        for rule in ("improved", "bias_bench")
        for pair in read_pairs("bug", rule)
    ]
    assert twins == ["she saw him.", "she saw his."]


def test_a_row_without_its_profession_is_one_clear_sentence(put, shares):
    put("bug/balanced_BUG.csv", [{"sentence_text": "she left", "stereotype": "1"}])
    with pytest.raises(ValueError, match=r"row 1 .* must have .* but lacks profession, predicted"):
        list(read_pairs("bug"))


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("name", "num_pairs", "num_shares"),
    [("bug", 25_504, 6_391), ("bug_gold", 1_283, 277), ("bug_full", 82_820, 20_696)],
)
def test_the_published_sentences_are_all_there(name, num_pairs, num_shares):
    has_pairs_of_two_texts(Bug(name=name))
    has_shares_between_0_and_1_or_none(Bug(name=name))
    pairs = list(read_pairs(name))
    assert len(pairs) == num_pairs
    assert sum(pair.real_share is not None for pair in pairs) == num_shares


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_sentences_are_the_twins_of_their_twins_but_for_a_few():
    num_pairs = num_others = 0
    for pair in read_pairs("bug"):
        original, twin = pair.stereotype, pair.antistereotype
        if not pair.original_is_stereotype:
            original, twin = twin, original
        assert swap(original) == twin
        num_pairs += 1
        num_others += swap(twin) != original
    assert num_others / num_pairs < 0.05
