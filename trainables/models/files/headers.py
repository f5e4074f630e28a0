"""What the headers of a model's safetensors files say of the tensors in them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

from trainables.assets.safe_files import refuse_pointer
from trainables.models.files.sentences import unloadable
from trainables.models.files.weight_files import weight_files
from trainables.schema.text.shown import as_value, as_word

MAX_HEADER = 32 * 2**20  # bytes of the header of a file
FLOATS = ("F", "BF")  # how the names of types of floating point begin


class Header(NamedTuple):
    """What is said of a tensor: the name of its type, its shape, and the file that holds it."""

    dtype: str
    shape: tuple[int, ...]
    file: str

    @property
    def num_values(self) -> int:
        """How many numbers it has."""
        return math.prod(self.shape)

    @property
    def is_float(self) -> bool:
        """Whether its numbers are of floating point."""
        return self.dtype.startswith(FLOATS)


def headers_in(folder: Path, config: dict[str, Any]) -> dict[str, Header]:
    """Return name -> what is said of it, for every tensor that transformers reads of a folder.

    config: what is written in its config.json.

    Raises:
        ValueError: a file is not there, is cut or no safetensors, or has no plain name, or two files
            have a tensor of one name.
    """
    headers: dict[str, Header] = {}
    for file in weight_files(folder, config):
        for name, header in _headers_of(folder, file).items():
            if name in headers:
                raise unloadable(
                    folder,
                    f"each tensor must be in one file, but {as_value(name)} is in {headers[name].file} "
                    f"and in {file.name}",
                )
            headers[name] = header
    return headers


def _headers_of(folder: Path, file: Path) -> dict[str, Header]:
    """Return name -> what is said of it, for every tensor of a file; none of them is read.

    Raises:
        ValueError: it is no whole safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    try:
        refuse_pointer(file, file.name)
    except ValueError as error:
        raise unloadable(folder, error) from error
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
        if length > MAX_HEADER:
            raise ValueError(f"its header must have at most {MAX_HEADER} bytes, but has {length}")
        with safe_open(file, "np") as tensors:
            slices = {name: tensors.get_slice(name) for name in tensors.keys()}  # noqa: SIM118
            return {
                name: Header(part.get_dtype(), tuple(part.get_shape()), as_word(file.name))
                for name, part in slices.items()
            }
    except (SafetensorError, OSError, ValueError) as error:
        raise unloadable(folder, f"{file.name} must be whole safetensors, but: {error}") from error
