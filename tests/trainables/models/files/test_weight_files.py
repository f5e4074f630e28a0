"""The files of weights that are read of a folder, and what their headers say."""

import re

import pytest
import torch
from safetensors.torch import save_file

from trainables.assets import cache
from trainables.models.files.headers import headers_in
from trainables.models.files.weight_files import INDEX
from trainables.models.folder import read_model


@pytest.mark.parametrize(
    "name",
    ["x.bin", "../outside.safetensors", "/outside.safetensors", ".hidden.safetensors", "a/b.safetensors",
     5],
    ids=str,
)  # fmt: skip
def test_an_index_names_only_safetensors_beside_it(name, folder, sharded, tmp_path):
    weights = sharded(every=name)
    for place in ("outside.safetensors", "model/.hidden.safetensors", "model/x.safetensors"):
        save_file(weights, tmp_path / place, {"format": "pt"})
    torch.save(weights, folder / "x.bin")
    with pytest.raises(
        ValueError, match=r"index.json must name files beside it that end in .safetensors"
    ):
        read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ("[1]", "index.json must be an object of JSON, but is [1]"),
        ("[" * 100_000, "index.json must be JSON, but is none: it has too many levels"),
        ('{"metadata": {}}', "index.json must have a weight_map, but has None"),
        ('{"weight_map": {}}', "index.json must have a weight_map, but has {}"),
        (
            '{"weight_map": {"a": "absent.safetensors"}}',
            "must name files that are there, but 'absent.",
        ),
        (
            '{"weight_map": {"a": "tokenizer.safetensors"}}',
            "index.json must have metadata, as {}, but has None",
        ),
    ],
    ids=lambda value: value[:20],
)
def test_an_index_that_is_none_is_one_sentence(contents, words, folder, sharded):
    sharded()
    (folder / "tokenizer.safetensors").write_bytes(b"")
    (folder / INDEX).write_text(contents)
    with pytest.raises(ValueError, match=re.escape(words)):
        headers_in(folder, {})


@pytest.mark.parametrize("named", ["../x.safetensors", "x.bin", 5, "absent.safetensors"])
def test_a_configuration_names_only_safetensors_beside_it(named, folder):
    with pytest.raises(ValueError, match=r"transformers_weights in its config.json must name"):
        headers_in(folder, {"transformers_weights": named})


def test_a_configuration_may_name_the_file_of_weights(folder, written):
    (folder / "model.safetensors").rename(folder / "mine.safetensors")
    config = written(transformers_weights="mine.safetensors")
    assert headers_in(folder, config)["model.norm.weight"].file == "mine.safetensors"
    read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize("name", ["model.safetensors", "model-1.safetensors"])
def test_a_link_is_read_wherever_it_leads_and_its_contents_are_in_the_digest(
    name, folder, sharded, tmp_path
):
    """As in the Hub library's own cache, whose snapshots are links into its blobs."""
    if name != "model.safetensors":
        sharded()
    blob = tmp_path / "0123"
    (folder / name).rename(blob)
    (folder / name).symlink_to(blob)
    assert "model.norm.weight" in headers_in(folder, {})
    before = cache.digest(folder)
    with blob.open("ab") as stream:
        stream.write(b" ")
    assert cache.digest(folder) != before


def test_a_folder_without_weights_by_the_name_that_is_read_is_one_sentence(folder):
    (folder / "model.safetensors").rename(folder / "mine.safetensors")
    with pytest.raises(
        ValueError, match=r"must have the file model.safetensors or model.safetensors.in"
    ):
        headers_in(folder, {})
