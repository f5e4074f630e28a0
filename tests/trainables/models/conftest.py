"""Untrained models of transformers, without a folder or a tokenizer."""

import pytest
import torch
import transformers

from tests.trainables.architectures import ARCHITECTURES

TINY = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "vocab_size": 30}
BERT = TINY | {"intermediate_size": 8, "max_position_embeddings": 20}


def made(kind, **settings):
    torch.manual_seed(0)
    made_by = getattr(transformers, kind)
    return made_by(made_by.config_class(**settings)).eval()


def settings_of(kind):
    padding = 1 if kind.positions + 2 == kind.settings.get("max_position_embeddings") else 0
    return {"vocab_size": 60, "pad_token_id": padding} | kind.settings


@pytest.fixture(scope="session")
def modules():
    """Return a function from the name of an architecture to its untrained module, made once."""
    cache = {}

    def of(name):
        if name not in cache:
            kind = ARCHITECTURES[name]
            cache[name] = made(kind.made_by, **settings_of(kind))
        return cache[name]

    return of
