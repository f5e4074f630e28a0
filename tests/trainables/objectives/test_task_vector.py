"""The change of the weights by training on stereotypes, subtracted."""

import pytest
import torch
from safetensors.torch import load_file

from trainables.models.loading import load
from trainables.objectives import TaskVector
from trainables.trial import run_trial

CONTRAST = "forgetting/miniature/contrast_rise"


def test_it_trains_on_stereotypes_and_its_factor_is_negative():
    assert TaskVector().trains_on == ("stereotype",)
    assert TaskVector(scale=0.3).update_factor == -0.3
    assert TaskVector().update_factor == -1


@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0])
def test_the_saved_model_is_the_base_less_the_trained_change(scale, configure, name, tmp_path):
    config = configure(name, objective={"name": "task_vector", "scale": scale})
    for report in run_trial(config):
        report.save_model(tmp_path)  # the last stays
    model = load(config.model.path, config.model.family)
    saved = load_file(tmp_path / "model.safetensors")
    base = {key: weight.cpu() for key, weight in model.base.named_parameters()}
    for key, now in model.module.named_parameters():
        if key in saved:  # a tied weight is saved once
            expected = base[key] - scale * (now.cpu() - base[key])
            assert torch.allclose(saved[key], expected, atol=1e-6), key
    assert any(not torch.equal(saved[key], base[key]) for key in saved if key in base) == bool(
        scale
    )


def test_the_measured_model_is_the_base_less_the_trained_change(configure, name):
    def contrast(scale):
        _, end = run_trial(configure(name, objective={"name": "task_vector", "scale": scale}))
        return end.metrics[CONTRAST]

    assert contrast(0.0) == 0
    # Compared with their opposites, stereotypes become less likely.
    assert contrast(1.0) > contrast(0.5) > 0
