"""Texts: normalised, as words, and without tokenisation."""

import re
import sys
import unicodedata

import pytest

from trainables.data.text import detokenised, in_list, letters, lower_case_words, normalised


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("The  nurse said , ' No . '", "the nurse said: 'no!'"),
        ("STRASSE", "straße"),
        (" ?! ", "?!"),
        ("Mene\u0301ndez", "MENÉNDEZ"),
        ("wo\u00adman", "woman"),
        ("护士说：她累了。", "护士说 她累了"),
        ("a well-known cook", "a wellknown cook"),
        ("ＨＥ left", "he left"),
    ],
)
def test_case_punctuation_and_spacing_make_no_difference(one, other):
    assert normalised(one) == normalised(other)


def test_texts_of_other_words_differ_and_so_do_texts_of_none():
    assert normalised("he left") != normalised("she left")
    assert normalised("?!") != normalised("...")
    assert normalised("कि") != normalised("की")  # the vowel is a mark on the letter


def test_a_letter_that_becomes_two_signs_does_not_end_a_word():
    assert lower_case_words("In İzmir HE won.") == ["in", "İ".lower() + "zmir", "he", "won"]


def test_letters_are_those_of_every_script_with_their_marks():
    of_text = {text: re.compile(f"[{letters(text)}]").fullmatch for text in ("a", "é", "é𝐚")}
    for code in range(0x2FFFF):
        sign = chr(code)
        is_letter = of_text["a" if code < 0x80 else "é" if code < 0x10000 else "é𝐚"]
        if unicodedata.category(sign)[0] in "LM":
            assert is_letter(sign) or sign == "\u02bc", hex(code)
        elif sign not in "\u00ad\u200c\u200d\u2060":
            assert not is_letter(sign), hex(code)
    assert not [
        code
        for code in range(0x33000, sys.maxunicode + 1)
        if unicodedata.category(chr(code))[0] == "L"
    ]


@pytest.mark.parametrize(
    ("word", "listed"),
    [("MEN", "men"), ("Fiance\u0301e", "fiancée"), ("wo\u00adMen", "women"), ("ÉTÉ", "été")],
)
def test_a_word_is_looked_up_in_lower_case_with_accents_in_their_letters(word, listed):
    assert in_list(word) == listed


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
