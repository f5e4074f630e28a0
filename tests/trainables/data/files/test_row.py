"""Texts in the fields of a row: sound, or refused with their place."""

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.files.row import Row, first_repeated, names_in_words, text_in, words_in
from trainables.schema.text.shown import as_value


def row(**fields):
    return Row("a.csv, row 2 (line 3)", fields)


@pytest.mark.parametrize("blanks", [" ", "\t", "\n", "\r\n", "\u00a0", "\u3000", " \f\v "])
def test_blanks_around_a_text_are_no_part_of_it(blanks):
    assert text_in(row(text=f"{blanks}she  left{blanks}"), "text") == "she  left"


@given(st.text())
def test_a_text_is_returned_as_it_is_unless_it_has_a_control_character(text):
    controls = {s for s in text if unicodedata.category(s) == "Cc"} - set("\t\n\v\f\r")
    if controls or "\ufeff" in text:
        with pytest.raises(ValueError, match="must have sound text in the field 'text', but chara"):
            text_in(row(text=text), "text")
    else:
        assert text_in(row(text=text), "text") == text.strip()


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (3, "must have text in the field 'text', but got 3."),
        (None, "must have text in the field 'text', but got None."),
        (["she"], "must have text in the field 'text', but got ['she']."),
        (float("nan"), "must have text in the field 'text', but got nan."),
        (b"she", "must have text in the field 'text', but got b'she'."),
        ("she\0", "but character 4 is a control character (U+0000): take it out"),
        ("ab\x92s", "but character 3 is a control character (U+0092): take it out"),
        ("\ufeffshe", "but character 1 is a byte-order mark (U+FEFF): take it out"),
        ("tired \ud83d", "but character 7 is half of a surrogate pair (U+D83D): take it out"),
        ("\udc00", "but character 1 is half of a surrogate pair (U+DC00): take it out"),
    ],
)
def test_what_is_no_sound_text_is_one_sentence_with_its_place(value, sentence):
    with pytest.raises(ValueError, match="must have") as caught:
        text_in(row(text=value), "text")
    assert str(caught.value).startswith("a.csv, row 2 (line 3): ")
    assert sentence in str(caught.value)


def test_a_missing_field_is_one_sentence_with_those_there_are():
    with pytest.raises(
        ValueError, match=r"has the fields Text, id: rename 'Text' to 'text'\.$"
    ) as e:
        text_in(row(Text="she", id="1"), "text")
    assert "must have text in the field 'text', but" in str(e.value)


def test_a_blank_text_may_be_left_out_but_is_no_text_where_words_are_needed():
    assert text_in(row(text=" \n"), "text") == ""
    with pytest.raises(ValueError, match="must have text in the field 'text', but it is blank"):
        words_in(row(text=" \n"), "text")


@given(st.text(st.characters(categories=["L", "Cs", "Cc", "Zl"])))
def test_a_sentence_about_any_value_is_short_and_on_one_printable_line(text):
    for sentence in (as_value(text), as_value([text] * 50), names_in_words([text, text])):
        assert sentence.isprintable()
        assert len(sentence) <= 80


def test_the_first_name_that_repeats_is_found_among_many_at_once():
    many = [f"name {number}" for number in range(200_000)]
    started = time.monotonic()
    assert first_repeated(many) is None
    assert first_repeated([*many, "name 7", "name 5"]) == "name 7"
    assert first_repeated(["", "a", ""]) == ""
    assert time.monotonic() - started < 2
