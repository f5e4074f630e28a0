"""Weights that are no numbers are counted, whatever their shape and in however many parts."""

import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainables.models import miniature
from trainables.models.files import no_numbers
from trainables.models.files.no_numbers import refuse_no_numbers

NAN, INF = float("nan"), float("inf")


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a model with one more tensor, and returns its folder."""
    folder = tmp_path / "model"
    shutil.copytree(miniature.folder("miniature-llama"), folder)
    weights = load_file(folder / "model.safetensors")

    def write(name, tensor):
        save_file(weights | {name: tensor}, folder / "model.safetensors", {"format": "pt"})
        return folder

    return write


@pytest.mark.parametrize(
    "dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float8_e4m3fn]
)
@pytest.mark.parametrize("max_values", [1, 7, 2**22])
def test_each_of_the_parts_of_a_tensor_is_looked_at(dtype, max_values, write, monkeypatch):
    monkeypatch.setattr(no_numbers, "MAX_VALUES", max_values)
    tensor = torch.zeros(5, 3)
    refuse_no_numbers(write("x.weight", tensor.to(dtype)))
    refuse_no_numbers(write("x.weight", tensor.reshape(1, 15, 1).to(dtype)))
    tensor[0, 0] = tensor[4, 2] = NAN
    with pytest.raises(
        ValueError, match=r"but 2 of the 15 of x\.weight in model\.safetensors are NaN"
    ):
        refuse_no_numbers(write("x.weight", tensor.to(dtype)))
    with pytest.raises(ValueError, match=r"but 2 of the 15 of x\.weight"):
        refuse_no_numbers(write("x.weight", tensor.reshape(1, 15, 1).to(dtype)))


@pytest.mark.parametrize(
    ("name", "tensor", "is_refused"),
    [
        ("x.weight", torch.tensor(NAN), True),
        ("x.weight", torch.tensor(1.0), False),
        ("x.weight", torch.zeros(0, 3), False),
        ("x.weight", torch.zeros(3, 0), False),
        ("x.weight", torch.tensor([INF]), True),
        ("x.mask", torch.tensor([-INF]), False),
        ("x.mask", torch.tensor([NAN]), True),
        ("x.ids", torch.tensor([2**40]), False),
    ],
    ids=[f"case {number}" for number in range(8)],
)
def test_a_tensor_of_any_shape_and_name_is_judged(name, tensor, is_refused, write):
    folder = write(name, tensor)
    if is_refused:
        with pytest.raises(ValueError, match="but 1 of the 1 of "):
            refuse_no_numbers(folder)
    else:
        refuse_no_numbers(folder)
