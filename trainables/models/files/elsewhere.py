"""Refuse a model's folder whose files would lead a library to read, or to run, something elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trainables.assets.safe_files import refuse_pointer
from trainables.models.files.sentences import unloadable
from trainables.models.files.written import read_object
from trainables.schema.text.shown import as_value

ADAPTER = "adapter_config.json"
TEXTS = (".json", ".txt", ".model", ".jinja")  # settings and tokenizers, as their names end


def refuse_leading_elsewhere(folder: Path, config: dict[str, Any]) -> None:
    """Refuse a folder from which transformers would go on to other folders, to the Hub, or to code.

    Names of classes (auto_map) are no matter: no code of a folder is run.

    config: what is written in its config.json.

    Raises:
        ValueError: a file of the folder is none that can be read to its end, the folder is that of an
            adapter, or a setting names a file that does not lie plainly beside it, or a kernel.
    """
    for file in _read_files(folder):
        if file.exists() and not file.is_file() and not file.is_dir():
            raise unloadable(
                folder, f"{file.name} must be a file, but is a pipe, a socket or a device"
            )
        if file.suffix in TEXTS and file.is_file():
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
    if (folder / "tokenizer_config.json").is_file():
        try:
            settings = read_object(folder / "tokenizer_config.json")
        except ValueError as error:
            raise unloadable(folder, error) from error
        names = settings.get("fast_tokenizer_files", [])
        if not isinstance(names, list) or not all(map(is_plain, names)):
            raise unloadable(
                folder,
                f"fast_tokenizer_files in tokenizer_config.json must be names of files beside it, but "
                f"is {as_value(names)}",
            )
        if settings.get("init_inputs"):
            raise unloadable(folder, "tokenizer_config.json must have no init_inputs, but has some")


def is_plain(name: Any) -> bool:
    """Whether a value is the name of a file that lies beside the one that names it, and is visible."""
    return isinstance(name, str) and not name.startswith(".") and not set(name) & set("/\\\0")


def _read_files(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder and in the folder of its further chat templates."""
    yield from folder.iterdir()
    templates = folder / "additional_chat_templates"
    if templates.is_dir():
        yield from templates.iterdir()
