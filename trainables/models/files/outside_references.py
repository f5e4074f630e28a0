"""Refuse a model's folder whose files would lead a library to read, or to run, something elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainables.assets.safe_files import refuse_pointer
from trainables.models.files.model_json import MAX_BYTES, read_objects
from trainables.models.files.sentences import unloadable
from trainables.schema.text.shown import as_value, as_word

ADAPTER = "adapter_config.json"
# How the names of settings and tokenizers end -> the most bytes of such a file, which is read whole.
MAX_BYTES_OF_TEXTS = dict.fromkeys(
    (".json", ".txt", ".model", ".tiktoken", ".bpe", ".spm", ".vocab"), MAX_BYTES
) | {".jinja": 2**20}


def refuse_outside_references(folder: Path, config: dict[str, Any]) -> None:
    """Refuse a folder from which transformers would go on to other folders, to the Hub, or to code.

    Names of classes (auto_map) are no matter: no code of a folder is run.

    config: what is written in its config.json.

    Raises:
        ValueError: a file of the folder is none that can be read to its end, or is far larger than that
            of any model; the folder is that of an adapter; or a setting names a file that does not
            lie plainly beside it, or a kernel.
    """
    for file in _paths_in(folder):
        if file.exists() and not file.is_file() and not file.is_dir():
            raise unloadable(
                folder, f"{file.name} must be a file, but is a pipe, a socket or a device"
            )
        if file.suffix in MAX_BYTES_OF_TEXTS and file.is_file():
            most, num_bytes = MAX_BYTES_OF_TEXTS[file.suffix], file.stat().st_size
            if num_bytes > most:
                fault = f"{as_word(file.name)} must have at most {most} bytes, but has {num_bytes}"
                raise unloadable(
                    folder, f"{fault}: take it out of the folder, or give another model"
                )
            try:
                refuse_pointer(file, file.name)
            except ValueError as error:
                raise unloadable(folder, error) from error
    if (folder / ADAPTER).exists():
        raise ValueError(
            f"{folder} must hold a whole model, but its {ADAPTER} makes it an adapter: merge it into "
            f"its base (merge_and_unload in peft), and give the folder of what you save then."
        )
    if config.get("configuration_files"):
        raise unloadable(folder, "config.json must be the only one, but has configuration_files")
    for key, value in config.items():
        names = value.values() if isinstance(value, dict) else [value]
        if key.endswith("_implementation") and any("/" in str(name) for name in names):
            raise unloadable(
                folder,
                f"{as_value(key)} in its config.json must name no kernel, but is {as_value(value)}",
            )
    try:
        settings = read_objects(folder).get("tokenizer_config.json", {})
    except ValueError as error:
        raise unloadable(folder, error) from error
    names = settings.get("fast_tokenizer_files", [])
    if not isinstance(names, list) or not all(map(is_plain, names)):
        raise unloadable(
            folder,
            f"fast_tokenizer_files in tokenizer_config.json must be names of files beside it, but is "
            f"{as_value(names)}",
        )
    if settings.get("init_inputs"):
        raise unloadable(folder, "tokenizer_config.json must have no init_inputs, but has some")


def is_plain(name: Any) -> bool:
    """Return whether a value names a visible file that lies beside the one that has the value."""
    return isinstance(name, str) and not name.startswith(".") and not set(name) & set("/\\\0")


def _paths_in(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder and in the folder of its further chat templates."""
    yield from folder.iterdir()
    templates = folder / "additional_chat_templates"
    if templates.is_dir():
        yield from templates.iterdir()
