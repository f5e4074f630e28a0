"""Values, keys and names from elsewhere stand in a sentence in one line, in short."""

from hypothesis import assume, given
from hypothesis import strategies as st

from trainables.schema.text.masking import masked
from trainables.schema.text.printable import visible
from trainables.schema.text.secrets.names import is_secret
from trainables.schema.text.shown import MAX_VALUE, as_value, as_word, first_line, kind_and_line

keys = st.text().filter(lambda key: not is_secret(key))
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: (
        st.lists(below) | st.dictionaries(keys, below) | st.tuples(below, below).map(list)
    ),
)


@given(plain_values)
def test_a_value_is_shown_as_its_repr_or_as_the_beginning_of_it(value):
    text = repr(value)
    assume(masked(text) == text)  # as a:@ is not, the address of somebody
    assert as_value(value, 10**6) == text
    expected = text if len(text) <= MAX_VALUE else text[: MAX_VALUE - 1]
    assert len(as_value(value)) <= MAX_VALUE
    assert as_value(value).startswith(expected) or "'" in text or '"' in text, (
        "quotes of a cut text differ"
    )


def test_no_more_of_a_value_is_written_out_than_is_shown():
    class Counted(list):
        """A list that counts how many of its items are asked for."""

        num_asked = 0

        def __iter__(self):
            for item in super().__iter__():
                Counted.num_asked += 1
                yield item

    assert as_value(Counted(range(10**6)), 10) == "[0, 1, 2,…"
    assert Counted.num_asked < 10
    assert as_value({"a": ["x" * 10**7] * 10**5}, 12) == "{'a': ['xxx…"


@given(st.text())
def test_a_word_is_in_one_line_of_visible_characters(text):
    word = as_word(text)
    assert len(word.splitlines()) <= 1
    assert visible(word) == word
    assert "\t" not in word
    assert as_word(text, 3).count("…") <= 1 + text.count("…")


def test_a_secret_is_left_out_before_the_value_is_cut():
    secret = "S3cr3t" * 20
    for value in (f"s3://me:{secret}@bucket/x", [f"s3://me:{secret}@bucket/x"]):
        assert "S3cr3t" not in as_value(value)
        assert "S3cr3t" not in as_word(value)


def test_a_long_name_with_many_secrets_shows_none_of_them_and_no_half_of_one(monkeypatch):
    """Masking shortens what is before the place at which a name is cut."""
    monkeypatch.setenv("MY_TOKEN", "plainsecret" * 300)
    for before in range(0, 4000, 250):
        name = (
            f"{'hf_' + 'aB3' * 200} " * 8 + "x" * before + f" {'plainsecret' * 300} " + "y" * 9000
        )
        assert "plainsecret" not in as_word(name)
        assert "plainsecret" not in as_value(name)


def test_the_value_of_a_key_that_is_named_as_a_secret_is_not_shown():
    shown = as_value([{"password": "hunter22", "x": 1, "api_key": ["a"], "token": None}])
    assert shown == "[{'password': '***', 'x': 1, 'api_key': '***', 'token': None}]"
    shown = as_value({"auth": "abc", "pass": "abc", "use_auth_token": True, "max_tokens": 3})
    assert shown == "{'auth': '***', 'pass': '***', 'use_auth_token': True, 'max_tokens': 3}"


@given(st.text())
def test_every_error_has_one_line_that_says_something(text):
    for line in (first_line(ValueError(text)), kind_and_line(ValueError(text))):
        assert len(line.splitlines()) == 1
    if not text.strip():
        assert kind_and_line(ValueError(text)) == first_line(ValueError(text)) == "ValueError"
