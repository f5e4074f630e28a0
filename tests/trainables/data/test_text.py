"""Texts: normalised, as words, and without tokenisation."""

import pytest

from trainables.data.text import detokenised, lower_case_words, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The  nurse said , ' No . '", "the nurse said: 'no!'"),
        ("STRASSE", "straße"),
        (" ?! ", "?!"),
    ],
)
def test_case_punctuation_and_spacing_make_no_difference(one, other):
    assert normalised(one) == normalised(other)


def test_texts_of_other_words_differ_and_so_do_texts_of_none():
    assert normalised("he left") != normalised("she left")
    assert normalised("?!") != normalised("...")


def test_a_letter_that_becomes_two_signs_does_not_end_a_word():
    assert lower_case_words("In İzmir HE won.") == ["in", "İ".lower() + "zmir", "he", "won"]


@pytest.mark.parametrize(
    ("tokenised", "written"),
    [
        ("He said , no .", "He said, no."),
        ("the doctor 's hat ; I do n't", "the doctor's hat; I don't"),
        ("( see page 3 ) and [ x ]", "(see page 3) and [x]"),
        ("50 % of them !", "50% of them!"),
        ("nothing to do here", "nothing to do here"),
    ],
)
def test_tokenised_text_is_written_as_people_write(tokenised, written):
    assert detokenised(tokenised) == written
