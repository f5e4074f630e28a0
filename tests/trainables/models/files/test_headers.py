"""What headers say of the tensors in a model's files."""

import json
import os
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from trainables.models.files.headers import Header, headers_in
from trainables.models.folder import read_model


def test_headers_have_every_tensor_of_one_file_or_of_several(folder, sharded):
    whole = headers_in(folder, {})
    assert whole["model.norm.weight"] == Header("F32", (64,), "model.safetensors")
    weights = sharded()
    assert whole.keys() == headers_in(folder, {}).keys() == weights.keys()
    assert {header.file for header in headers_in(folder, {}).values()} == {
        "model-0.safetensors", "model-1.safetensors",
    }  # fmt: skip
    _, module = read_model(folder, "causal")
    assert torch.equal(module.model.norm.weight, weights["model.norm.weight"])


def test_two_files_with_a_tensor_of_one_name_are_one_sentence(folder, sharded):
    sharded()
    part = load_file(folder / "model-1.safetensors")
    other = load_file(folder / "model-0.safetensors") | {"model.norm.weight": torch.ones(64)}
    save_file(part | {"model.norm.weight": torch.zeros(64)}, folder / "model-1.safetensors")
    save_file(other, folder / "model-0.safetensors")
    with pytest.raises(
        ValueError, match=r"'model.norm.weight' is in model-0.safetensors and in model-1"
    ):
        headers_in(folder, {})


def test_the_hidden_part_of_a_file_is_not_read(folder):
    """Of a model of many gigabytes the header alone is."""
    contents = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", contents[:8])
    spoiled = contents[: 8 + length] + bytes(len(contents) - 8 - length)
    (folder / "model.safetensors").write_bytes(spoiled)
    assert "model.norm.weight" in headers_in(folder, {})


def _with_header(change):
    """Return a function that spoils the header of a file."""

    def spoil(contents):
        (length,) = struct.unpack("<Q", contents[:8])
        header = json.loads(contents[8 : 8 + length])
        change(header["model.norm.weight"])
        text = json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + contents[8 + length :]

    return spoil


@pytest.mark.parametrize(
    "spoil",
    [
        lambda contents: b"",
        lambda contents: contents[:-1000],
        lambda contents: contents[:100],
        lambda contents: contents + b"more",
        lambda contents: struct.pack("<Q", 2**63) + contents[8:],
        lambda contents: struct.pack("<Q", 10) + b"[" * 10,
        _with_header(lambda tensor: tensor.update(shape=[-64])),
        _with_header(lambda tensor: tensor.update(shape=[2**63, 2**63])),
        _with_header(lambda tensor: tensor.update(dtype="F99")),
        _with_header(lambda tensor: tensor.update(dtype=5)),
        _with_header(lambda tensor: tensor.update(data_offsets=[0, 2**60])),
        _with_header(lambda tensor: tensor.update(data_offsets=[0, 256])),
        _with_header(lambda tensor: tensor.pop("shape")),
    ],
)
def test_a_file_that_is_no_whole_safetensors_is_one_sentence(spoil, folder):
    file = folder / "model.safetensors"
    file.write_bytes(spoil(file.read_bytes()))
    with pytest.raises(
        ValueError, match=r"model.safetensors must be whole safetensors, but:"
    ) as caught:
        headers_in(folder, {})
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 600


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read all files")
def test_a_file_that_may_not_be_read_is_one_sentence(folder):
    (folder / "model.safetensors").chmod(0)
    with pytest.raises(ValueError, match="Permission denied"):
        headers_in(folder, {})
