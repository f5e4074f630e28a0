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
        ("[" * 100_000, "index.json must be JSON of few levels"),
        ('{"metadata": {}}', "index.json must have a weight_map, but has None"),
        ('{"weight_map": {}}', "index.json must have a weight_map, but has {}"),
        (
            '{"weight_map": {"a": "absent.safetensors"}}',
            "must name files that are there, but 'absent.",
        ),
    ],
    ids=lambda value: value[:20],
)
def test_an_index_that_is_none_is_one_sentence(contents, words, folder, sharded):
    sharded()
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


def test_a_link_out_of_the_folder_is_refused_unless_the_hub_library_made_it(
    folder, sharded, tmp_path
):
    sharded()
    shard = folder / "model-1.safetensors"
    outside = tmp_path / "outside.safetensors"
    shard.rename(outside)
    shard.symlink_to(outside)
    with pytest.raises(ValueError, match=r"but 'model-1.safetensors' is a link out of it"):
        headers_in(folder, {})
    shard.unlink()
    outside.rename(folder / "kept.safetensors")
    shard.symlink_to("kept.safetensors")
    assert "model.norm.weight" in headers_in(folder, {})
    hub = tmp_path / "models--owner--name"
    (hub / "snapshots").mkdir(parents=True)
    (hub / "blobs").mkdir()
    shard.unlink()
    (folder / "kept.safetensors").rename(hub / "blobs" / "0123")
    snapshot = folder.rename(hub / "snapshots" / "abcd")
    (snapshot / "model-1.safetensors").symlink_to("../../blobs/0123")
    assert "model.norm.weight" in headers_in(snapshot, {})
    before = cache.digest(snapshot)
    with (hub / "blobs" / "0123").open("ab") as blob:
        blob.write(b" ")
    assert cache.digest(snapshot) != before, "what is linked counts"


def test_a_folder_without_weights_by_the_name_that_is_read_is_one_sentence(folder):
    (folder / "model.safetensors").rename(folder / "mine.safetensors")
    with pytest.raises(
        ValueError, match=r"must have the file model.safetensors or model.safetensors.in"
    ):
        headers_in(folder, {})
