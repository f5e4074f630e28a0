"""Loading a model by its name, and keeping it for the next trial."""

import torch

from trainables.models.loading import load


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
