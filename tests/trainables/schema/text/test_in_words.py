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
