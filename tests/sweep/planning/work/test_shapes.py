"""How large a model is, without loading it."""

import json

import pytest
from safetensors.numpy import save_file

from sweep.planning.work.shapes import CATALOGUED, shape_by_name, shape_of
from trainables.models import miniature


def test_a_folder_is_measured_by_its_headers(tmp_path):
    import numpy as np

    tensors = {"embed": np.zeros((10, 4), "float32"), "block": np.zeros((4, 4), "float32")}
    save_file(tensors, tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text(
        json.dumps({"model_type": "llama", "n_embd": 4, "n_layer": 1, "vocab_size": 10})
    )
    shape = shape_of(str(tmp_path))
    assert (shape.num_weights, shape.num_tensors) == (56, 2)
    assert (shape.width, shape.num_layers, shape.vocabulary) == (4, 1, 10)
    assert shape.num_in_head == 40


def test_a_model_that_is_not_at_hand_has_the_size_of_the_catalogue_or_of_its_name():
    assert shape_of("meta-llama/Llama-3.2-1B").num_weights == 1_235_814_400
    assert shape_of("somebody/pythia-160m").num_weights == 160_000_000
    assert shape_of("somebody/pythia-160m").factor > 1
    assert shape_of("somebody/something") is None
    assert shape_of("nowhere") is None


@pytest.mark.parametrize(
    ("name", "num"),
    [
        ("Qwen/Qwen2.5-0.5B-Instruct", 500_000_000),
        ("a/model-7b-chat", 7_000_000_000),
        ("a/smollm2-1.7b", 1_700_000_000),
    ],
)
def test_a_number_in_a_name_is_read(name, num):
    assert shape_by_name(name).num_weights == num


def test_a_name_without_a_number_of_weights_says_nothing():
    assert shape_by_name("somebody/bert-2b2-large") is None
    assert shape_by_name("a7b/model") is None


@pytest.mark.slow
@pytest.mark.parametrize("name", miniature.MODELS)
def test_the_catalogue_has_the_size_of_a_miniature(name, monkeypatch):
    from sweep.planning.work.shapes import shape_in

    monkeypatch.delenv("EQUIPOISE_CACHE")
    found, known = shape_in(miniature.folder(name)), CATALOGUED[name]
    assert found[:5] == known[:5]
