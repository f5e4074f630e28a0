"""What a model's configuration states: what cannot be, and what explains why no model can be made."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeGuard

from trainables.models.files.sentences import unloadable
from trainables.schema.text.shown import as_value

POSITIONS = ("max_position_embeddings", "n_positions", "max_seq_len")
TOKENS = ("bos_token_id", "eos_token_id")  # -1 stands for none
TYPES = ("dtype", "torch_dtype")  # the second is the name of older releases
FLOATS = ("float64", "double", "float32", "float", "float16", "half", "bfloat16")
ACTIVATIONS = ("hidden_act", "hidden_activation", "activation_function", "activation")
DROPOUTS = re.compile(r"(dropout|pdrop|dropout_prob|dropout_rate|layerdrop)$")
ABOVE_ZERO = re.compile(r"(eps|epsilon|rope_theta)$")
ROTATIONS = ("rope_parameters", "rope_scaling")
# As transformers says it.
OF_ANOTHER_TYPE = re.compile(
    r"Validation error for field '(\w+)'.*?(expected \w+|doesn't match any type in \(.*?\))",
    re.DOTALL,
)
# What is counted, as the configurations of most architectures name it.
COUNTS = (
    "vocab_size hidden_size n_embd d_model dim num_hidden_layers n_layer n_layers num_attention_heads "
    "n_head n_heads num_key_value_heads head_dim intermediate_size n_inner ffn_dim"
).split()
HEADS = (
    ("hidden_size", "num_attention_heads"),
    ("n_embd", "n_head"),
    ("num_attention_heads", "num_key_value_heads"),
)


def refuse_impossible(folder: Path, written: Mapping[str, Any], config: Any) -> None:
    """Refuse settings that cannot be and that transformers takes without a word.

    What the architecture has where nothing is said is taken: it is not always of its vocabulary.

    written: what the folder's config.json has.
    config: the configuration of the model of text, of transformers.

    Raises:
        ValueError: its positions are none, its weights are of no type of fractions, a share is none,
            what must be above 0 is not, or its first or last token is beyond the vocabulary.
    """
    for part in _parts(written):
        for key in POSITIONS:
            value = part.get(key)
            if isinstance(value, int) and value < 1:
                raise _impossible(folder, key, "a number of tokens, 1 or more", value)
        for key in TYPES:
            value = part.get(key)
            if value is not None and not (isinstance(value, dict) or _is_float(value)):
                raise _impossible(folder, key, f"one of {', '.join(FLOATS)}", value)
        for key in filter(DROPOUTS.search, part):
            if isinstance(value := part[key], int | float) and not 0 <= value <= 1:
                raise _impossible(folder, key, "a share, from 0 to 1", value)
        for key in filter(ABOVE_ZERO.search, part):
            if isinstance(value := part[key], int | float) and not value > 0:
                raise _impossible(folder, key, "a number above 0", value)
        for key in TOKENS:
            value = part.get(key)
            if value == getattr(type(config), key, None):
                continue
            for number in value if isinstance(value, list) else [value]:
                if isinstance(number, int) and not -1 <= number < config.vocab_size:
                    must = f"the number of a token, below the {config.vocab_size} of its vocabulary"
                    raise _impossible(folder, key, must, value)


def explanation(written: Mapping[str, Any], error: Exception) -> str:
    """Return a clause on a setting for which no model can be made; "" if none is known to be wrong.

    written: what its config.json has. error: with which transformers has failed.
    """
    if found := OF_ANOTHER_TYPE.search(str(error)):
        for part in _parts(written):
            if (key := found[1]) in part:
                return _clause(key, f"of a type that it can have ({found[2]})", part[key])
    from transformers.activations import ACT2FN
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    for part in _parts(written):
        for key in ACTIVATIONS:
            if key in part and not (isinstance(part[key], str) and part[key] in ACT2FN):
                must = "an activation that transformers knows, such as gelu, relu or silu"
                return _clause(key, must, part[key])
        for key in COUNTS:
            value = part.get(key, 1)
            if value is not None and not isinstance(value, list | dict) and not _is_count(value):
                return _clause(key, "a whole number, 1 or more", value)
        pad, vocab_size = part.get("pad_token_id"), part.get("vocab_size")
        if _is_count(pad) and _is_count(vocab_size) and pad >= vocab_size:
            return _clause("pad_token_id", f"below its vocab_size, {vocab_size}", pad)
        for key in ROTATIONS:
            kind = part[key].get("rope_type") if isinstance(part.get(key), dict) else None
            if kind is not None and kind not in (known := ("default", *ROPE_INIT_FUNCTIONS)):
                return _clause(f"the rope_type of {key}", f"one of {', '.join(known)}", kind)
        for whole, share in HEADS:
            if (
                _is_count(part.get(whole))
                and _is_count(part.get(share))
                and part[whole] % part[share]
            ):
                return _clause(whole, f"a multiple of {share}, {part[share]}", part[whole])
    return ""


def _parts(written: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield a configuration, and that of its model of text if it has one of its own."""
    yield written
    if isinstance(part := written.get("text_config"), dict):
        yield part


def _is_float(name: Any) -> bool:
    """Return whether a value names a type of floating point, as of torch."""
    return isinstance(name, str) and (
        name.removeprefix("torch.") in FLOATS or bool(re.match(r"(torch\.)?float[48]_|auto$", name))
    )


def _is_count(value: Any) -> TypeGuard[int]:
    """Return whether a value is a whole number of 1 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _clause(key: str, must: str, value: Any) -> str:
    """Return what a setting must be and what it is."""
    return f"{key} in its config.json must be {must}, but is {as_value(value)}"


def _impossible(folder: Path, key: str, must: str, value: Any) -> ValueError:
    """Return the error for a setting that cannot be."""
    return unloadable(folder, f"{_clause(key, must, value)}: mend it")
