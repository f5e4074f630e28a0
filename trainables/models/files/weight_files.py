"""The safetensors files that transformers reads of a model's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from trainables.models.files.model_json import read_object
from trainables.models.files.outside_references import is_plain
from trainables.models.files.sentences import unloadable
from trainables.schema.text.shown import as_value

WHOLE, INDEX = "model.safetensors", "model.safetensors.index.json"


def weight_files(folder: Path, config: dict[str, Any]) -> list[Path]:
    """Return the files that transformers reads weights from: the one that config.json names, or
    model.safetensors, or those that the index names.

    Raises:
        ValueError: there is no such file, or what names it names none that lies plainly beside it.
    """
    named = config.get("transformers_weights")
    if named is not None:
        source = "transformers_weights in its config.json"
        is_index = str(named).endswith(".safetensors.index.json")
        file = _beside(folder, named, source, ".json" if is_index else ".safetensors")
    else:
        is_index = not (folder / WHOLE).exists()
        file = folder / (INDEX if is_index else WHOLE)
    if not file.is_file():
        raise unloadable(folder, f"it must have the file {WHOLE} or {INDEX}, but has neither")
    if not is_index:
        return [file]
    try:
        index = read_object(file)
    except ValueError as error:
        raise unloadable(folder, error) from error
    shards = index.get("weight_map")
    if not isinstance(shards, dict) or not shards:
        raise unloadable(folder, f"{file.name} must have a weight_map, but has {as_value(shards)}")
    names = dict.fromkeys(
        str(value) if isinstance(value, str) else None for value in shards.values()
    )
    files = [_beside(folder, name, file.name, ".safetensors") for name in names]
    if not isinstance(metadata := index.get("metadata"), dict):
        raise unloadable(
            folder, f"{file.name} must have metadata, as {{}}, but has {as_value(metadata)}"
        )
    return files


def _beside(folder: Path, name: Any, source: str, end: str) -> Path:
    """Return the file of a name that a setting gives. It may be a link: the digest has its contents.

    source: the setting, for the sentence. end: that of the name.

    Raises:
        ValueError: it is no plain name with this end, or there is no such file.
    """
    if not is_plain(name) or not name.endswith(end):
        raise unloadable(
            folder,
            f"{source} must name files beside it that end in {end}, but names {as_value(name)}",
        )
    file: Path = folder / name
    if not file.is_file():
        raise unloadable(
            folder, f"{source} must name files that are there, but {as_value(name)} is not"
        )
    return file
