"""BEC-Pro: which of two persons is the stereotype."""

import pytest

from tests.conformance.alignment_set import (
    has_pairs_of_two_texts,
    has_shares_between_0_and_1_or_none,
)
from trainables.data.pairs import Pair
from trainables.data.sets.bec_pro import BecPro
from trainables.data.sources import read_pairs


@pytest.fixture
def write(put):
    """Write sentences given as (text, gender, profession, gender of most in it), and the shares."""

    def write_rows(rows):
        keys = ("Sentence", "Gender", "Profession", "Prof_Gender")
        put("bec_pro/BEC-Pro_EN.tsv", [dict(zip(keys, row, strict=True)) for row in rows])
        women = {"taper": "0.7", "nurse": "90", "judge": "52"}
        keys = ("simplified_professions", "percent_us")
        shares = [dict(zip(keys, each, strict=True)) for each in women.items()]
        put("bec_pro/Professions US+DE.tsv", shares)

    return write_rows


def test_the_stereotype_has_the_gender_of_most_in_the_profession(write):
    people = ("He", "male"), ("She", "female")
    jobs = ("taper", "male"), ("nurse", "female"), ("judge", "balanced")
    write([(f"{who} is a {job}.", sex, job, most) for job, most in jobs for who, sex in people])
    assert list(read_pairs("bec_pro")) == [
        Pair("He is a taper.", "She is a taper.", True, pytest.approx(0.993)),
        Pair("She is a nurse.", "He is a nurse.", True, pytest.approx(0.9)),
    ]


def test_a_sentence_without_its_twin_is_refused(write):
    write([("He is a taper.", "male", "taper", "male")])
    with pytest.raises(ValueError, match=r"either person, but 'She is a taper\.' is not\."):
        list(read_pairs("bec_pro"))


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_sentences_are_all_there():
    has_pairs_of_two_texts(BecPro())
    has_shares_between_0_and_1_or_none(BecPro())
    pairs = list(read_pairs("bec_pro"))
    assert len(pairs) == 1_800
    assert all(pair.real_share is not None for pair in pairs)
    assert pairs[0] == Pair("He is a taper.", "She is a taper.", True, 0.993)
