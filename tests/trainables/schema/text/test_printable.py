"""Text from elsewhere is shown without secrets, without what a terminal obeys, and in few lines."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.schema.text.printable import MAX_LINE, MAX_LINES, printable, shortened, visible


@given(st.text())
def test_nothing_that_is_visible_is_a_control_character(text):
    shown = visible(text)
    kinds = {unicodedata.category(c) for c in shown if c not in "\n\t\u200c\u200d"}
    assert not kinds & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    assert visible(shown) == shown
    shown.encode()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("a\u202eb\u2066", r"a\u202eb\u2066"),
        ("over\rwritten", r"over\rwritten"),
        ("\x9b1m", r"\x9b1m"),
        ("\ud83d", r"\ud83d"),
        ("tab\tline\nÄ 語 👩‍🔬", "tab\tline\nÄ 語 👩‍🔬"),
        ("\U000e0041", r"\U000e0041"),
    ],
)
def test_what_a_terminal_obeys_is_escaped(text, shown):
    assert visible(text) == shown


def test_an_answer_has_few_lines_of_bounded_length():
    for text in ("x" * 40_000_000, "y\n" * 5_000_000, "a-" * 10**6, "://" * 10**6, "=" * 10**6):
        lines = printable(text).split("\n")
        assert len(lines) <= MAX_LINES + 1
        assert max(map(len, lines)) <= MAX_LINE
    assert printable("y\n" * 100).endswith(f"… and {101 - MAX_LINES} lines more.")


def test_a_secret_that_is_cut_is_left_out():
    for before in range(9_950, 10_010):
        text = "x " * (before // 2) + f"token={'Q' * 40} " + "y " * 20_000
        assert "Q" not in printable(text)


def test_a_text_is_shortened_in_its_middle():
    assert shortened("abc", 3) == "abc"
    assert shortened("abcd", 3) == "a…d"


def test_a_secret_of_several_lines_is_left_out(monkeypatch):
    monkeypatch.setenv("MY_SECRET", "first-half\nsecond-half")
    key = "-----BEGIN PRIVATE KEY-----\nMIIEbody\n-----END PRIVATE KEY-----"
    assert printable(f"a\n{key}\nfirst-half\nsecond-half") == "a\n***\n***"
