"""A sentence about a secret is told from a secret."""

import pytest

from trainables.schema.text.masking import masked
from trainables.schema.text.masking_source import masked_settings


@pytest.mark.parametrize(
    "text",
    [
        "# no password: ask ops",
        "name: x  # password: see the vault",
        "# password: taken from the environment",
        "# api_key: read from ~/.netrc",
    ],
)
def test_a_comment_that_tells_where_a_password_is_stays_as_it_is(text):
    assert masked(text) == text
    assert masked_settings(text) == text


@pytest.mark.parametrize(
    "text",
    ["# password: swordfish", "# password: ask1 ops", "# no password: hunter2x", "# password: see"],
)
def test_a_comment_with_what_may_be_a_password_is_masked(text):
    assert masked_settings(text).startswith(text.partition(":")[0] + ": ***")


def test_a_setting_is_a_secret_whatever_words_it_has():
    assert masked_settings("password: see the sea") == "password: ***"


@pytest.mark.parametrize(
    "text",
    [
        "the password is 'swordfish'",
        'my api key was "swordfish", and',
        "access token is `swordfish`",
    ],
)
def test_what_stands_in_quotes_behind_the_name_of_a_secret_is_hidden_whatever_it_looks_like(text):
    assert "swordfish" not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "the password is wrong",
        "the token is missing",
        "the password is required",
        "an api key is invalid or has expired",
        "the next token is 'cat'",
    ],
)
def test_prose_about_a_secret_stays_as_it_is(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "use the password `CANzz-word` (user bob)",
        "The API key for the hub is `CANzz-word`.",
        "password → CAN2zz-word",
        "# password (old) - CAN2zz-word",
    ],
)
def test_what_stands_in_back_ticks_or_behind_an_arrow_is_hidden(text):
    assert "zz-word" not in masked(text)
    assert "***" in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        "set the password `--password` first",
        "the password `PGPASSWORD` of PostgreSQL",
        "the field of the password `pass_word` of",
        "password - a word of at least 12 letters",
        "password (8 characters) - long",
    ],
)
def test_names_of_code_and_sentences_behind_the_name_of_a_secret_stay(text):
    assert masked(text) == text
