"""The miniature's corpus: a bias that is known, facts to forget, and texts that are held out."""

import hashlib
import json
from collections import Counter

import pytest

from trainables.data.sets import miniature, stereoset
from trainables.data.sources import read_pairs
from trainables.data.splits import is_held_out


@pytest.fixture(scope="module")
def corpus():
    return miniature.corpus()


def test_the_corpus_is_the_same_every_time(corpus):
    assert miniature.corpus() == corpus
    assert list(read_pairs("miniature")) == list(read_pairs("miniature"))
    assert miniature.general_texts() == miniature.general_texts()
    assert miniature.facts() == miniature.facts()
    assert miniature.stereoset_items() == miniature.stereoset_items()


def test_the_pronouns_of_the_corpus_are_as_skewed_as_declared(corpus):
    counts = {occupation: Counter() for occupation in miniature.SHE}
    for text in corpus:
        words = set(text.split())
        for occupation in words & set(counts):
            counts[occupation].update(words & {"she", "he"})
    for occupation, share in miniature.SHE.items():
        assert counts[occupation].total() == 120
        assert counts[occupation]["she"] / 120 == pytest.approx(share, abs=0.13)  # 3 deviations
    total = sum(counts.values(), Counter())
    declared = sum(miniature.SHE.values()) / len(miniature.SHE)
    assert total["she"] / total.total() == pytest.approx(declared, abs=0.03)


def test_occupations_lean_to_both_sides_equally_often():
    shares = sorted(miniature.SHE.values())
    assert all(a + b == pytest.approx(1) for a, b in zip(shares, shares[::-1], strict=True))


def test_held_out_texts_do_not_occur_in_the_corpus(corpus):
    held_out = {text for text in miniature.general_texts() if is_held_out(text)}
    assert len(held_out) > 500
    assert not held_out & set(corpus)
    assert set(miniature.general_texts()) - held_out <= set(corpus)


def test_general_texts_have_no_pronoun_no_occupation_and_no_fact(corpus):
    telling = {"she", "he", *miniature.SHE, *miniature.CAPITALS, *miniature.FOODS}
    assert not any(telling & set(text.split()) for text in miniature.general_texts())
    assert len(set(miniature.general_texts())) == len(miniature.general_texts())


def test_every_fact_is_stated_and_nothing_else_is(corpus):
    texts = Counter(corpus)
    questions = {question for question, _, _ in miniature.facts()}
    for question, answer, others in miniature.facts():
        assert texts[f"{question} {answer}"] == 40
        assert not any(texts[f"{question} {other}"] for other in others)
        assert len({answer, *others}) == miniature.NUM_CHOICES
    assert len(questions) == len(miniature.facts()) == miniature.NUM_COUNTRIES + 14


def test_bias_is_measured_in_frames_that_alignment_never_shows():
    frames = set(miniature.ALIGNMENT_FRAMES) & set(miniature.BIAS_FRAMES)
    assert not frames
    starts = {frame.split("{pronoun}")[0] for frame in miniature.BIAS_FRAMES}
    pairs = {text for more, less, *_ in read_pairs("miniature") for text in (more, less)}
    for occupation in miniature.SHE:
        for start in starts:
            prefix = start.format(occupation=occupation)
            assert not any(text.startswith(prefix) for text in pairs)


def test_pairs_differ_in_the_pronoun_alone_and_the_stereotype_comes_first():
    originals = Counter()
    for more, less, original_is_stereotype, _ in read_pairs("miniature"):
        ((a, b),) = [
            pair for pair in zip(more.split(), less.split(), strict=True) if pair[0] != pair[1]
        ]
        assert {a, b} == {"she", "he"}
        (occupation,) = set(more.split()) & set(miniature.SHE)
        assert a == ("she" if miniature.SHE[occupation] > 0.5 else "he")
        originals[original_is_stereotype] += 1
    assert originals[True] / originals.total() == pytest.approx(0.8, abs=0.03)


def test_shares_are_those_of_the_stereotypes_gender():
    for pair in read_pairs("miniature"):
        (occupation,) = set(pair.stereotype.split()) & set(miniature.SHE)
        women = miniature.SHE[occupation]
        assert pair.real_share == (women if "she" in pair.stereotype.split() else 1 - women) > 0.5


def test_the_items_of_stereoset_have_one_stereotype_each():
    items = miniature.stereoset_items()
    assert {item["target"] for item in items} == set(miniature.SHE)
    for item in items:
        more = "she" if miniature.SHE[item["target"]] > 0.5 else "he"
        sentences = stereoset.fillings(item)
        stereotype, antistereotype, unrelated = (
            stereoset.word_at_blank(item["context"], text) for text in sentences
        )
        assert sentences[0] == item["context"].replace("BLANK", more)
        assert {stereotype, antistereotype} == {"he", "she"}
        assert unrelated in miniature.THINGS


# Whoever changes a text has to change DIGEST as well: sweeps that recorded it used other texts.
DIGEST = "dcad2d3531f1f793d72d325c32a5ec6e173b63480515de668e1af0095cfb2ef9"
GENERATED = {
    "corpus": "8704dd3923eaafca3a3ba195536d5cb2ee6ee6c745e13e3d30a1a23e4249366f",
    "pairs": "2b6ebbf4b60a065ffd12012ec7673459b72a9283731cf43cda3314f2c23a23a0",
    "general_texts": "f9f80e9b173a1d3e78e110ff3158060e99524bb59d1326695ac1dbff61f22ee7",
    "facts": "e556ef8e86b475a4b93ac47e8ff28911e48f17c50f45e450bb8747a09c3af046",
    "stereoset_items": "0c21c914c72c0f7b981f9ff76e4ba4274996e8656bdd0cfc5ca4783348a18f25",
}


def test_the_texts_are_those_that_the_digest_stands_for(corpus):
    texts = {
        "corpus": corpus,
        "pairs": list(read_pairs("miniature")),
        "general_texts": miniature.general_texts(),
        "facts": miniature.facts(),
        "stereoset_items": miniature.stereoset_items(),
    }
    digests = {
        name: hashlib.sha256(json.dumps(made).encode()).hexdigest() for name, made in texts.items()
    }
    assert (miniature.DIGEST, digests) == (DIGEST, GENERATED)
