"""Token ids of texts without transformers, which takes seconds to load: enough to see what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

# Of a tokenizer that has a token for every byte, so that texts that differ have other tokens.
KNOWS_ALL = (b'"ByteLevel"', b'"byte_fallback": true', b'"byte_fallback":true')


def may_not_know(folder: Path) -> bool:
    """Return whether a model's tokenizer may have the same tokens for texts that differ.

    It may have one token for all that it does not know. False, too, where only transformers can tell.
    """
    file = folder / "tokenizer.json"
    if not file.is_file():
        return False
    content = file.read_bytes()
    return not any(mark in content for mark in KNOWS_ALL)


def quick_ids(folder: Path, texts: Sequence[str]) -> list[list[int]]:
    """Return the token ids of texts by the tokenizer.json of a model's folder.

    Transformers may change some of its rules, so that these ids are not those that the model reads.

    Raises:
        ValueError: the tokenizers library does not read it.
    """
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception as error:  # the library raises no other class
        raise ValueError(f"tokenizer.json of {folder} is not read: {error}") from error
    return [one.ids for one in tokenizer.encode_batch(list(texts), add_special_tokens=False)]
