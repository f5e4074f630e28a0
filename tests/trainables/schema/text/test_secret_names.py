"""One list tells which names are those of secrets, wherever a text comes from."""

import pytest

from trainables.schema.text.masking import masked
from trainables.schema.text.masking_source import masked_source
from trainables.schema.text.secret_names import (
    CODE_WORDS,
    KINDS_OF_KEYS,
    PLAIN_WORDS,
    SHORT_WORDS,
    is_secret,
    kind_of_name,
)

KEYS = [f"{kind}_key" for kind in KINDS_OF_KEYS]
NAMES = [*PLAIN_WORDS, *(f"db_{word}" for word in SHORT_WORDS), *KEYS]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_the_list_hides_its_value_in_sentences_code_and_variables(name):
    assert masked(f"got {name}=plain, and more") == f"got {name}=***, and more"
    assert masked_source(f'+x.{name} = "plain"') == f"+x.{name} = ***"
    assert masked_source(f"+{name}: plain") == f"+{name}: ***"
    assert is_secret(f"MY_{name.upper()}")


@pytest.mark.parametrize("name", [*CODE_WORDS, *SHORT_WORDS])
def test_a_word_with_other_meanings_hides_its_value_in_code(name):
    assert masked_source(f'+{name} = "plain"') == f"+{name} = ***"
    assert masked(f"got {name} = plain") == f"got {name} = plain"


@pytest.mark.parametrize(
    "name",
    "tokenizer token_type_ids num_tokens keyboard passwordless passing path author signal logits "
    "monkey design_matrix pad_token eos_token token_id".split(),
)
def test_a_name_that_only_begins_or_ends_like_one_of_the_list_tells_of_no_secret(name):
    line = f"{name} = plain"
    assert masked(line) == line
    assert not is_secret(name.upper())
    assert kind_of_name(name) != "sure"
