"""Refuse the files of a tokenizer whose parts are none that a library could read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from trainables.models.files.model_json import read_object
from trainables.models.files.sentences import unloadable
from trainables.schema.text.shown import as_value

TOKENIZER = "tokenizer.json"
# The files that name special tokens, and the names that they give to them.
NAMING_FILES = ("tokenizer_config.json", "special_tokens_map.json")
SPECIAL = tuple(f"{name}_token" for name in ("bos", "eos", "unk", "sep", "pad", "cls", "mask"))
MAX_ID = 2**32 - 1
# Parts of tokenizer.json that may be left out or null.
STEPS = ("normalizer", "pre_tokenizer", "post_processor", "decoder", "truncation", "padding")
REMEDY = "save it anew by tokenizer.save_pretrained"


class _Part(NamedTuple):
    """A part of a file: its name, what it holds, whether that is right, and what it must hold."""

    name: str
    value: Any
    is_right: bool
    must: str


def refuse_ill_parts(folder: Path) -> None:
    """Refuse a folder in which a file of the tokenizer lacks a part, or has one that is none.

    Raises:
        ValueError: it does; the sentence has the file, the part, what it must hold and what it holds.
    """
    readers: dict[str, Callable[[dict[str, Any]], Iterator[_Part]]] = {
        TOKENIZER: _parts,
        **dict.fromkeys(NAMING_FILES, _special_tokens),
        "added_tokens.json": _numbers,
    }
    for name, parts_of in readers.items():
        if not (folder / name).exists():
            continue
        try:
            written = read_object(folder / name)
        except ValueError as error:
            raise unloadable(folder, f"{error}: {REMEDY}") from error
        for part in parts_of(written):
            if not part.is_right:
                raise unloadable(
                    folder,
                    f"{part.name} in {name} must be {part.must}, but is "
                    f"{'left out' if part.value is None else as_value(part.value)}: {REMEDY}",
                )


def fault_of_tokenizer_json(folder: Path) -> str:
    """Return why tokenizer.json is none for the library that reads it; "" if that is not at fault."""
    import tokenizers

    if not (folder / TOKENIZER).is_file():
        return ""
    try:
        tokenizers.Tokenizer.from_file(str(folder / TOKENIZER))
    except Exception as error:  # the library raises no other kind
        return str(error) or type(error).__name__
    return ""


def _parts(written: dict[str, Any]) -> Iterator[_Part]:
    """Yield the parts of a tokenizer.json."""
    tokens = written.get("added_tokens")
    must = "a list of the tokens beside the vocabulary, which may be empty"
    yield _Part("added_tokens", tokens, isinstance(tokens, list), must)
    for token in tokens or ():
        is_token = isinstance(token, dict) and isinstance(token.get("content"), str)
        is_token = is_token and _is_id(token.get("id"))
        yield _Part("each of added_tokens", token, is_token, "an object with an id and a content")
    model = written.get("model")
    yield _Part("model", model, isinstance(model, dict), "an object with a vocab")
    vocab = model.get("vocab") if isinstance(model, dict) else None
    is_known = isinstance(vocab, dict | list) and len(vocab) > 0
    yield _Part("model.vocab", vocab, is_known, "the number of each word, or a list of words")
    if isinstance(vocab, dict):
        yield from _numbers(vocab)
    for step in STEPS:
        part = written.get(step)
        yield _Part(step, part, isinstance(part, dict | None), "an object, or null")


def _special_tokens(written: dict[str, Any]) -> Iterator[_Part]:
    """Yield the special tokens that a file names."""
    for name in SPECIAL:
        token = written.get(name)
        # Each token that is not known is replaced by that one, which so must be known itself.
        is_right = _is_token(token) and not (name == "unk_token" and token == "")
        yield _Part(name, token, token is None or is_right, "a word, or an object with its content")
    for name in ("additional_special_tokens", "extra_special_tokens"):
        tokens = written.get(name)
        if name == "extra_special_tokens" and isinstance(tokens, dict):  # by names of their own
            tokens = list(tokens.values())
        is_right = isinstance(tokens, list) and all(map(_is_token, tokens))
        yield _Part(name, tokens, tokens is None or is_right, "a list of words")
    decoder = written.get("added_tokens_decoder", {})
    yield _Part(
        "added_tokens_decoder", decoder, isinstance(decoder, dict), "an object of tokens by number"
    )


def _numbers(written: dict[str, Any]) -> Iterator[_Part]:
    """Yield the words, of a vocabulary or an added_tokens.json, whose number is none."""
    for word, number in written.items():
        if not _is_id(number):  # to write all names of a large vocabulary would take seconds
            yield _Part(f"the number of {as_value(word)}", number, False, "a number from 0 on")


def _is_token(value: Any) -> bool:
    """Return whether a value stands for a token: a text, or an object that has it."""
    return isinstance(value.get("content") if isinstance(value, dict) else value, str)


def _is_id(value: Any) -> bool:
    """Return whether a value is a number that a token can have."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MAX_ID
