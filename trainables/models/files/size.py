"""Refuse a model that is far larger than its files, before it is made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainables.models.files.headers import Header

if TYPE_CHECKING:
    from torch import nn

# A model may have more parts than its files have tensors, which may be stacked, but not so many more.
MOST_PARTS, PARTS_A_TENSOR = 5_000, 16
MOST_VALUES, TIMES_AS_MANY = 10_000_000, 4
MOST_IN_BUFFERS = 2**28


class MismatchWithFiles(ValueError):
    """A model has other parts than its files hold; the message is a clause about its config.json."""


def refuse_mismatch(skeleton: Any, headers: Mapping[str, Header]) -> None:
    """Refuse a model that cannot have been saved into these files.

    It is for what would take long or much memory to load, or would be read as something else; what
    is missing is found when it is loaded.

    skeleton: the model of transformers, on the meta device.
    headers: of all tensors of its files.

    Raises:
        MismatchWithFiles: a weight has another number of values than the tensor of its name, or a type
            that is not floating point, or all weights together have many more values than the files.
    """
    prefix = f"{skeleton.base_model_prefix}."
    num_values = 0
    for name, weight in skeleton.named_parameters():
        num_values += weight.numel()
        header = headers.get(name) or headers.get(name.removeprefix(prefix))
        if header is None:
            continue
        if weight.numel() != header.num_values:
            raise MismatchWithFiles(
                f"1 or more are missing or of another shape, {name} for one: "
                f"{list(weight.shape)} is described, {list(header.shape)} is in {header.file}"
            )
        if weight.is_floating_point() and not header.is_float:
            raise MismatchWithFiles(
                f"{name} in {header.file} is of type {header.dtype}, which has no fractions"
            )
    num_stored = sum(header.num_values for header in headers.values())
    if num_values > MOST_VALUES + TIMES_AS_MANY * num_stored:
        raise MismatchWithFiles(
            f"it describes {num_values} values, and the files have {num_stored}"
        )
    num_in_buffers = sum(buffer.numel() for buffer in skeleton.buffers())
    if num_in_buffers > MOST_IN_BUFFERS + TIMES_AS_MANY * num_stored:
        raise MismatchWithFiles(
            f"it describes tables of {num_in_buffers} values beside the weights"
        )


@contextmanager
def few_parts(num_tensors: int) -> Iterator[None]:
    """Within the block, refuse to make a model of many more parts than its files have tensors.

    Raises:
        MismatchWithFiles: one is made, as where config.json describes a million layers.
    """
    from torch.nn.modules import module as torch_module

    most, num_parts = MOST_PARTS + PARTS_A_TENSOR * num_tensors, 0

    def count(_: nn.Module, name: str, part: object) -> None:
        nonlocal num_parts
        num_parts += 1
        if num_parts > most:
            raise MismatchWithFiles(
                f"it describes more than {most} parts, and the files have {num_tensors} tensors"
            )

    hooks = [
        torch_module.register_module_module_registration_hook(count),
        torch_module.register_module_parameter_registration_hook(count),
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
