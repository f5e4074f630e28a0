"""What every way of choosing the trained weights keeps to."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.conformance import gradient_step, state, text_reading, unchanged
from trainables.models.fusion import fused_weights
from trainables.models.language_model import LanguageModel


def _loss(model: LanguageModel) -> torch.Tensor:
    return -text_reading(model).token_log_prob_N.mean()


def begin_at_the_base_and_put_everything_back(parameters: Any, model: LanguageModel) -> None:
    before, expected = state(model.module), _loss(model)
    names = [name for name, _ in model.module.named_parameters()]
    drawn = torch.random.get_rng_state()
    with parameters.training(model, seed=0):
        assert torch.equal(_loss(model), expected)
        gradient_step(model, _loss(model), length=0.1)
        assert not torch.equal(_loss(model), expected)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    model.reset("fp32")
    assert [name for name, _ in model.module.named_parameters()] == names
    assert unchanged(model.module, before)
    assert all(weight.requires_grad for weight in model.module.parameters())


def train_something_and_leave_the_rest_alone(parameters: Any, model: LanguageModel) -> None:
    with parameters.training(model, seed=0):
        before = {name: now.detach().clone() for name, now, _ in model.weights()}
        wanted = {name for name, w in model.module.named_parameters() if w.requires_grad}
        assert wanted
        gradient_step(model, _loss(model))
        moved = {name for name, now, _ in model.weights() if not torch.equal(now, before[name])}
        trained = {name for name, _, _ in model.trained()}
        assert moved <= trained  # the bias of BERT's keys has no gradient
        assert bool(moved) == bool(trained)
        assert bool(trained) != parameters.adapts


def a_lower_loss_shows_in_the_candidate(parameters: Any, model: LanguageModel) -> None:
    with parameters.training(model, seed=0):
        first = _loss(model).item()
        for _ in range(3):
            gradient_step(model, _loss(model), length=0.03)
        trained = _loss(model)
        assert trained.item() < first
        with fused_weights(model, 1.0):
            assert torch.allclose(_loss(model), trained, atol=1e-5)
        with fused_weights(model, 0.0):
            assert _loss(model).item() == first
        assert torch.equal(_loss(model), trained), "back where training was, bit for bit"


def a_seed_says_where_training_begins(parameters: Any, model: LanguageModel) -> None:
    def after(seed: int) -> torch.Tensor:
        model.reset("fp32")
        with parameters.training(model, seed=seed):
            gradient_step(model, _loss(model), length=0.1)
            gradient_step(model, _loss(model), length=0.1)
            return _loss(model)

    assert torch.equal(after(0), after(0))
    assert torch.equal(after(0), after(1)) != parameters.adapts


def a_saved_model_is_the_candidate(parameters: Any, model: LanguageModel) -> None:
    with parameters.training(model, seed=0), tempfile.TemporaryDirectory() as folder:
        gradient_step(model, _loss(model), length=0.1)
        with fused_weights(model, 1.0):
            expected = _loss(model)
            model.save(Path(folder))
        saved = LanguageModel(Path(folder), model.family)
        assert torch.equal(_loss(saved), expected)
