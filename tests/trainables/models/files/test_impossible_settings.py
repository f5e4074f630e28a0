"""What a configuration states that cannot be, and why no model can be made of one."""

import re
from pathlib import Path

import pytest
from transformers import Starcoder2Config

from trainables.models.files.impossible_settings import refuse_impossible
from trainables.models.folder import read_model


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"max_position_embeddings": -5}, "max_position_embeddings in its config.json must be a number of tokens, 1 or more, but is -5"),
        ({"max_position_embeddings": 0}, "must be a number of tokens, 1 or more, but is 0"),
        ({"dtype": 7}, "dtype in its config.json must be one of float64, "),
        ({"dtype": "int8"}, "bfloat16, but is 'int8': mend it"),
        ({"eos_token_id": 10**9}, "eos_token_id in its config.json must be the number of a token, below the "),
        ({"eos_token_id": [1, 10**9]}, "of its vocabulary, but is [1, 1000000000]: mend it"),
        ({"bos_token_id": -7}, "bos_token_id in its config.json must be the number of a token"),
        ({"rms_norm_eps": -1.0}, "rms_norm_eps in its config.json must be a number above 0, but is -1.0"),
        ({"rope_theta": 0.0}, "rope_theta in its config.json must be a number above 0, but is 0.0"),
        ({"attention_dropout": 7}, "attention_dropout in its config.json must be a share, from 0 to 1, but is 7"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_is_told_though_transformers_takes_it(settings, words, folder, written):
    written(**settings)
    with pytest.raises(ValueError, match=re.escape(words)):
        read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"hidden_act": "swosh"}, "hidden_act in its config.json must be an activation that transformers knows, such as gelu, relu or silu, but is 'swosh'"),
        ({"hidden_act": None}, "hidden_act in its config.json must be of a type that it can have (expected str), but is None"),
        ({"num_attention_heads": 0}, "num_attention_heads in its config.json must be a whole number, 1 or more, but is 0"),
        ({"num_attention_heads": 3}, "hidden_size in its config.json must be a multiple of num_attention_heads, 3, but is 64"),
        ({"vocab_size": None}, "vocab_size in its config.json must be of a type that it can have (expected int), but is None"),
        ({"pad_token_id": 10**9}, "pad_token_id in its config.json must be below its vocab_size, "),
        ({"rope_parameters": {"rope_type": "swosh"}}, "the rope_type of rope_parameters in its config.json must be one of default, "),
        ({"rope_scaling": {"type": "linear", "factor": "x"}}, "no model can be made as its config.json describes it (TypeError: "),
    ],
    ids=str,
)  # fmt: skip
def test_why_no_model_can_be_made_is_told_by_the_setting(settings, words, folder, written):
    written(**settings)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_model(folder, "causal", weightless=True)
    assert ": mend it" in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [
        {"eos_token_id": None}, {"eos_token_id": -1}, {"eos_token_id": [1, 2]}, {"pad_token_id": -1},
        {"dtype": "bfloat16"}, {"dtype": None}, {"attention_dropout": 1}, {"head_dim": None},
    ],
    ids=str,
)  # fmt: skip
def test_what_published_models_state_is_taken(settings, folder, written):
    written(**settings)
    read_model(folder, "causal", weightless=True)


def test_what_an_architecture_has_by_itself_is_taken():
    """StarCoder 2's end token is beyond its vocabulary where nothing is said."""
    config = Starcoder2Config()
    assert config.eos_token_id >= config.vocab_size
    refuse_impossible(Path("model"), config.to_dict(), config)
