"""Which lines of a text were changed as its secrets were hidden."""

from hypothesis import given
from hypothesis import strategies as st

from tests.trainables.schema.text.test_masking_source import KEY
from trainables.schema.text.hidden_lines import changes_of_lines
from trainables.schema.text.masking_source import masked_settings


def test_the_lines_that_are_shown_otherwise_are_known_where_what_is_hidden_has_several():
    text = f"a: 1\n{KEY}\nb: 2\npassword: x\npassword:\n  y\nc: 3"
    changes = changes_of_lines(text, masked_settings(text))
    assert changes == {2: "***", 6: "password: ***", 8: "  ***"}
    assert changes_of_lines(text, text) == {}


@given(
    st.lists(
        st.sampled_from(["", "a: 1", "password: x", "password:", "  y", "- z", "keys: |", KEY]),
        max_size=12,
    )
)
def test_a_text_that_is_shown_otherwise_has_a_line_that_is(lines):
    text = "\n".join(lines)
    shown = masked_settings(text)
    changes = changes_of_lines(text, shown)
    assert bool(changes) == (shown != text)
    assert all(1 <= number <= text.count("\n") + 1 for number in changes)
