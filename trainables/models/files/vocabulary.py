"""Read the tokenizer of a model's folder, and refuse one that does not read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainables.models.files.model_json import read_object
from trainables.models.files.sentences import LONGEST_REASON, failed, unloadable
from trainables.models.files.tokenizer_parts import (
    NAMING_FILES,
    REMEDY,
    TOKENIZER,
    fault_of_tokenizer_json,
    refuse_ill_parts,
)
from trainables.schema.text.shown import as_value, as_word

SAFE = {"local_files_only": True, "trust_remote_code": False}
SAMPLE = "The nurse said that she was here."
MAX_WORDS = 200  # of the vocabulary, which are read


def read_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of transformers in a folder.

    Raises:
        ValueError: there is none that transformers can read, or it knows no text.
    """
    import transformers

    refuse_ill_parts(folder)
    _refuse_settings(folder)
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **SAFE)
        sample = tokenizer(SAMPLE, add_special_tokens=False)["input_ids"]
    except Exception as error:  # its class depends on which file is broken
        if not any(folder.glob("*token*")) and not any(folder.glob("vocab*")):
            raise ValueError(
                f"{folder} must hold the model's tokenizer, but has none: write it there by "
                f"tokenizer.save_pretrained."
            ) from error
        if fault := fault_of_tokenizer_json(folder):
            raise unloadable(
                folder,
                f"its {TOKENIZER} must be one that the tokenizers library reads, but: "
                f"{as_word(fault, LONGEST_REASON // 2)}: {REMEDY}",
            ) from error
        files = " and ".join(name for name in NAMING_FILES if (folder / name).is_file())
        raise failed(
            folder, "its tokenizer cannot be read", error,
            f"mend {files}, or {REMEDY}" if files else REMEDY,
        ) from error  # fmt: skip
    if not sample:
        raise ValueError(
            f"the tokenizer of {folder} must read any text, but gives no token for {SAMPLE!r}, as "
            f"transformers takes its files for a {type(tokenizer).__name__}: save it anew by "
            f"tokenizer.save_pretrained."
        )
    _refuse_without_words(folder, tokenizer)
    return tokenizer


def _refuse_settings(folder: Path) -> None:
    """Raise ValueError if tokenizer_config.json states what cannot be.

    In place of a class that it does not know transformers takes another one, which reads the same where
    a tokenizer.json says all of it, and maybe not where there is none.
    """
    from transformers.models.auto.tokenization_auto import tokenizer_class_from_name

    file = folder / "tokenizer_config.json"
    if not file.is_file():
        return
    settings = read_object(file)
    longest = settings.get("model_max_length", 1)
    if longest is not None and not (isinstance(longest, int | float) and longest >= 1):
        raise unloadable(
            folder,
            f"model_max_length in tokenizer_config.json must be a number of tokens, but is "
            f"{as_value(longest)}: mend it, or leave it out",
        )
    name = settings.get("tokenizer_class")
    is_name = isinstance(name, str)
    if name is None or (is_name and (folder / "tokenizer.json").is_file()):
        return
    names = [name, f"{name}Fast", name.removesuffix("Fast")] if is_name else []
    if not any(map(tokenizer_class_from_name, names)):
        raise unloadable(
            folder,
            f"tokenizer_class in tokenizer_config.json must be a class of transformers, but is "
            f"{as_value(name)}: name the right one, or leave it out",
        )


def _refuse_without_words(folder: Path, tokenizer: Any) -> None:
    """Raise ValueError if a tokenizer takes every word of its own vocabulary for an unknown one."""
    unknown = tokenizer.unk_token_id
    if unknown is None:
        return
    ids = sorted(set(tokenizer.get_vocab().values()) - set(tokenizer.all_special_ids))
    some = ids[:: max(1, len(ids) // MAX_WORDS)]
    texts = [SAMPLE, *(tokenizer.decode([number]) for number in some)]
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    if all(number == unknown for row in rows for number in row):
        raise ValueError(
            f"the tokenizer of {folder} must know the words of its vocabulary, but takes each for "
            f"{as_value(tokenizer.unk_token)}: mend tokenizer.json, or save it anew by "
            f"tokenizer.save_pretrained."
        )
