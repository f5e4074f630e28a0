"""A configuration like another one, of few blocks and words."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

MIN_BLOCKS = 2
NUM_WORDS = 1000
MLP_WIDTH = 64


def smaller(config: Any, *, shrinks_mlp: bool) -> Any:
    """Return a configuration of fewer blocks and words, with every kind of block that lists name.

    shrinks_mlp: whether MLPs are narrower, too.
    """
    small = copy.deepcopy(config)
    inner = small.get_text_config()
    num_blocks = inner.num_hidden_layers
    lists = {
        key: value
        for key, value in vars(inner).items()
        if isinstance(value, list | tuple) and len(value) == num_blocks
    }
    kept = min(num_blocks, max([MIN_BLOCKS, *map(_num_until_all_kinds, lists.values())]))
    inner.num_hidden_layers = kept
    for key, value in lists.items():
        setattr(inner, key, value[:kept])
    inner.vocab_size = min(inner.vocab_size, NUM_WORDS)
    for key, value in list(vars(inner).items()):
        if key.endswith("_token_id") and isinstance(value, int):
            setattr(inner, key, min(value, inner.vocab_size - 1))
        if shrinks_mlp and isinstance(value, int) and ("intermediate" in key or "ffn" in key):
            setattr(inner, key, min(value, MLP_WIDTH))
    return small


def _num_until_all_kinds(values: Sequence[Any]) -> int:
    """Return how many of a list, from its beginning, have every value that there is in it."""
    return 1 + max(values.index(value) for value in values)
