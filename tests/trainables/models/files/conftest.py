"""A folder of a model to spoil."""

import json
import shutil
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from trainables.models import miniature
from trainables.models.files.weight_files import INDEX


@pytest.fixture
def folder(tmp_path) -> Path:
    """A copy of the miniature Llama's folder."""
    return Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))


@pytest.fixture
def written(folder):
    """Return a function that puts settings into a JSON file of the folder, and returns all of them."""

    def written(file="config.json", **settings):
        tree = json.loads((folder / file).read_text()) | settings
        (folder / file).write_text(json.dumps(tree))
        return tree

    return written


@pytest.fixture
def sharded(folder):
    """Return a function that cuts the weights into two files with an index.

    names: name of a tensor -> the file that the index gives for it, in place of the right one.
    every: the file that the index gives for every tensor.
    """

    def sharded(names=(), every=None):
        weights = load_file(folder / "model.safetensors")
        (folder / "model.safetensors").unlink()
        files = {n: f"model-{number % 2}.safetensors" for number, n in enumerate(sorted(weights))}
        for file in sorted(set(files.values())):
            part = {name: weights[name] for name in weights if files[name] == file}
            save_file(part, folder / file, {"format": "pt"})
        files |= dict(names)
        shards = dict.fromkeys(files, every) if every is not None else files
        (folder / INDEX).write_text(json.dumps({"metadata": {}, "weight_map": shards}))
        return weights

    return sharded


@pytest.fixture
def with_weights(folder):
    """Return a function that puts tensors into the file of weights."""

    def with_weights(**tensors):
        weights = load_file(folder / "model.safetensors")
        save_file(weights | tensors, folder / "model.safetensors", {"format": "pt"})

    return with_weights
