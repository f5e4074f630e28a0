"""Find weights that are no numbers, without holding a model in memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trainables.models.files.headers import Header, headers_in
from trainables.models.files.model_json import written_config
from trainables.schema.text.shown import as_word

MAX_VALUES = 2**22  # that are looked at together


def refuse_no_numbers(folder: Path) -> None:
    """Refuse a folder that has a weight which is no number, as after a training run that diverged.

    Infinity is refused in what is named a weight: masks that are kept as buffers may hold it.

    Raises:
        ValueError: a tensor has NaN, or one whose name ends in "weight" has infinity.
    """
    for name, header in headers_in(folder, written_config(folder)).items():
        if header.is_float and (num_bad := _num_bad(folder, name, header)):
            raise ValueError(
                f"{folder} must hold weights that are numbers, but {num_bad} of the "
                f"{header.num_values} of {as_word(name)} in {header.file} "
                f"{'is' if num_bad == 1 else 'are'} NaN or infinite."
            )


def _num_bad(folder: Path, name: str, header: Header) -> int:
    """Return how many values of a tensor are NaN, or infinite where it is named a weight."""
    from safetensors import safe_open

    axis = max(range(len(header.shape)), key=header.shape.__getitem__, default=None)
    parts = [...] if axis is None else list(_parts(header, axis))
    num_bad = 0
    for part in parts:
        # Opened for each part: what a file that stays open has given stays in memory.
        with safe_open(folder / header.file, "pt") as tensors:
            values = tensors.get_tensor(name) if axis is None else tensors.get_slice(name)[part]
            values = values.float() if values.itemsize == 1 else values
            is_bad = ~values.isfinite() if name.endswith("weight") else values.isnan()
            num_bad += int(is_bad.sum())
    return num_bad


def _parts(header: Header, axis: int) -> Iterator[tuple[slice, ...]]:
    """Yield slices of a tensor along an axis that together are all of it, of some MAX_VALUES each."""
    length = header.shape[axis]
    step = max(1, MAX_VALUES * length // max(1, header.num_values))
    for start in range(0, length, step):
        yield (*[slice(None)] * axis, slice(start, start + step))
