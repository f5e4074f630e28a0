"""Loading a model by its name, and keeping it for the next trial."""

import hashlib
import time

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from trainables.assets import cache
from trainables.models.loading import load
from trainables.models.pretrained import look_through


def test_a_process_keeps_the_model_that_it_has_loaded():
    assert load("miniature-llama", "causal") is load("miniature-llama", "causal")


def test_a_folder_that_is_written_anew_is_read_anew(llama, tmp_path):
    llama.reset("fp32")
    llama.save(tmp_path)
    first = load(str(tmp_path), "causal")
    assert load(str(tmp_path), "causal") is first
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.add_(1.0)
    llama.save(tmp_path)
    second = load(str(tmp_path), "causal")
    weights = zip(first.module.parameters(), second.module.parameters(), strict=True)
    assert all(torch.allclose(after, before + 1) for before, after in weights)


@pytest.fixture
def replaced_meanwhile(llama, tmp_path, monkeypatch):
    """A folder whose weights are others, once, as soon as its tokenizer has been read."""
    llama.save(tmp_path / "model")
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))  # which knows nothing of it
    (tmp_path / "other").mkdir()
    weights = load_file(tmp_path / "model" / "model.safetensors")
    other = {name: weight + 1 for name, weight in weights.items()}
    save_file(other, tmp_path / "other" / "model.safetensors", {"format": "pt"})
    real = transformers.AutoTokenizer.from_pretrained

    def reading(*args, **settings):
        tokenizer = real(*args, **settings)
        if (tmp_path / "other" / "model.safetensors").exists():
            (tmp_path / "other" / "model.safetensors").replace(tmp_path / "model/model.safetensors")
        return tokenizer

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", reading)
    return tmp_path / "model"


def test_weights_that_are_replaced_while_they_are_read_are_not_kept(replaced_meanwhile):
    with pytest.raises(cache.Changed, match="model must stay as it is while it is read, but has"):
        load(str(replaced_meanwhile), "causal")
    model = load(str(replaced_meanwhile), "causal")
    assert model.digest == cache.digest(replaced_meanwhile)
    weights = load_file(replaced_meanwhile / "model.safetensors")
    assert torch.equal(model.module.model.norm.weight, weights["model.norm.weight"])


def test_what_is_known_of_a_model_that_is_replaced_meanwhile_is_not_kept(replaced_meanwhile):
    with pytest.raises(cache.Changed, match="model must stay as it is while it is read, but has"):
        look_through(str(replaced_meanwhile), "causal")
    assert look_through(str(replaced_meanwhile), "causal").num_blocks == 2


def test_a_model_that_is_kept_is_not_hashed_again(llama, tmp_path, monkeypatch):
    llama.save(tmp_path)
    last = max(file.stat().st_ctime_ns for file in tmp_path.iterdir())
    while time.time_ns() - last <= cache.SETTLED_NS:
        time.sleep(0.1)
    first = load(str(tmp_path), "causal")
    hashed, real = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: hashed.append(args) or real(*args))
    assert all(load(str(tmp_path), "causal") is first for _ in range(5))
    assert hashed == []
