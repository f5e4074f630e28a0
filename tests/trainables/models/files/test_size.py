"""Models that are far larger than their files, or whose files hold other numbers."""

import time

import pytest
import torch

from trainables.models.folder import read_model


@pytest.mark.parametrize("dtype", [torch.int32, torch.bool, torch.uint8, torch.int8])
def test_weights_without_fractions_are_one_sentence(dtype, folder, with_weights):
    with_weights(**{"model.norm.weight": torch.ones(64, dtype=dtype)})
    with pytest.raises(
        ValueError, match=r"model.norm.weight in model.safetensors is of type \w+, which"
    ):
        read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(
    "settings",
    [
        {"vocab_size": 10**9},
        {"hidden_size": 10**7},
        {"intermediate_size": 10**10},
        {"head_dim": 10**9},
        {"num_key_value_heads": 10**9},
        {"num_hidden_layers": 9999},
        {"num_hidden_layers": 400},
    ],
    ids=str,
)
def test_a_model_far_larger_than_its_files_is_refused_before_it_is_made(settings, folder, written):
    read_model(folder, "causal", weightless=True)  # imports
    written(**settings)
    before, started = _peak_mb(anew=True), time.monotonic()
    with pytest.raises(ValueError, match=r"must be those that its config.json describes, but"):
        read_model(folder, "causal", weightless=True)
    assert time.monotonic() - started < 5
    assert _peak_mb() - before < 200


@pytest.mark.parametrize("key", ["n_positions", "n_embd"])
def test_a_large_table_beside_the_weights_is_refused_before_it_is_made(key, folder):
    """GPT-2 has a mask of positions by positions in each block."""
    import transformers

    size = {"vocab_size": 246, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 64}
    module = transformers.GPT2LMHeadModel(transformers.GPT2Config(**size))
    module.save_pretrained(folder)
    module.config.__dict__.update({key: 1_000_000})
    module.config.save_pretrained(folder)
    before = _peak_mb(anew=True)
    with pytest.raises(ValueError, match=r"must be those that its config.json describes, but"):
        read_model(folder, "causal", weightless=True)
    assert _peak_mb() - before < 200


def _peak_mb(*, anew=False):
    """Return the most memory that this process has used, in MB; anew: from now on."""
    if anew:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    with open("/proc/self/status") as file:
        (line,) = (line for line in file if line.startswith("VmHWM"))
    return int(line.split()[1]) / 1024
