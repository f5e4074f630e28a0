"""Read the JSON files of a model's folder."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from trainables.assets.safe_files import refuse_pointer
from trainables.models.files.sentences import LONGEST_REASON
from trainables.schema.plain_json import from_json
from trainables.schema.text.shown import as_value, as_word

MAX_BYTES = 64 * 2**20  # of a file that is read whole; the largest tokenizers known have 35 MB
MAX_SETTINGS_BYTES = 8 * 2**20  # of one of settings; the largest known have 1.2 MB
# Files beside config.json that hold an object, where they are there.
OBJECTS = ("tokenizer_config", "special_tokens_map", "added_tokens", "generation_config")
# What a configuration counts, of which a library makes a list before anything is compared with the
# weights: the ends of its keys, and the most that is read.
MOST = {r"layers?$": 10_000, r"num_labels$": 1_000_000}


def written_config(folder: Path) -> dict[str, Any]:
    """Return what is written in a folder's config.json.

    Raises:
        ValueError: the folder has no config.json, or one that is no object of JSON, or whose
            model_type is no word, or whose architectures are no list of words, or that counts more
            layers or labels than any model has.
    """
    try:
        written = read_object(folder / "config.json", MAX_SETTINGS_BYTES)
        if not isinstance(kind := written.get("model_type"), str | None):
            raise ValueError(
                f"the model_type in its config.json must be a word, but is {as_value(kind)}"
            )
        names = written.get("architectures")
        is_list = isinstance(names, list) and all(isinstance(name, str) for name in names)
        if names is not None and not is_list:
            raise ValueError(
                f"the architectures in its config.json must be a list of words, but are "
                f"{as_value(names)}"
            )
        _refuse_counts(written)
    except (OSError, ValueError) as error:
        is_absent = isinstance(error, FileNotFoundError)
        reason = "it has no config.json" if is_absent else as_word(error, LONGEST_REASON)
        raise ValueError(
            f"{folder} must be the folder of a model, with config.json, safetensors and a "
            f"tokenizer, but: {reason}: give the folder that save_pretrained wrote."
        ) from error
    return written


def read_object(file: Path, most: int = MAX_BYTES) -> dict[str, Any]:
    """Return the object in a JSON file of at most so many bytes.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no ordinary file, cannot be opened, is too large, a pointer of Git LFS, no
            JSON, no object, nested too deeply, or has a number that is none.
    """
    if file.exists() and not file.is_file():
        kind = "a folder" if file.is_dir() else "none"
        raise ValueError(f"{file.name} must be a file, but is {kind}")
    try:
        if (size := file.stat().st_size) > most:
            raise ValueError(f"{file.name} must have at most {most} bytes, but has {size}")
        refuse_pointer(file, file.name)
        contents = file.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise ValueError(f"{file.name} must be a file that can be read, but: {reason}") from error
    if not contents.strip():
        raise ValueError(f"{file.name} must be an object of JSON, but is empty")
    try:
        written = from_json(contents.decode(), as_constant=_constant)
    except ValueError as error:
        raise ValueError(f"{file.name} must be JSON, but is none: {error}") from error
    if not isinstance(written, dict):
        raise ValueError(f"{file.name} must be an object of JSON, but is {as_value(written)}")
    return written


def read_objects(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the objects in the JSON files beside a folder's config.json, by the names of the files.

    Raises:
        ValueError: as read_object, of one that is there.
    """
    files = [folder / f"{name}.json" for name in OBJECTS]
    return {file.name: read_object(file, MAX_SETTINGS_BYTES) for file in files if file.is_file()}


def _constant(name: str) -> float:
    """Return the number that JSON has no sign for; some models have a limit of infinity.

    Raises:
        ValueError: it is NaN.
    """
    if name == "NaN":
        raise ValueError("it has NaN, which is no number")
    return math.inf if name == "Infinity" else -math.inf


def _refuse_counts(written: Any) -> None:
    """Raise ValueError if some part of a configuration counts more than any model has."""
    if not isinstance(written, dict):
        return
    for key, value in written.items():
        _refuse_counts(value)
        for end, most in MOST.items():
            if isinstance(value, int) and value > most and re.search(end, key):
                raise ValueError(
                    f"{as_value(key)} in its config.json must be at most {most}, but is "
                    f"{as_value(value)}"
                )
