"""Laws of every choice of the weights that are trained."""

import tempfile
from pathlib import Path
from typing import Any

import torch

from tests.conformance import gradient_step, state, text_predictions, unchanged
from trainables.models.fusion import fused_weights
from trainables.models.language_model import LanguageModel


def _loss(model: LanguageModel) -> torch.Tensor:
    """Return the NLL of a few texts in nats per token."""
    return -text_predictions(model).token_log_prob_N.mean()


def start_at_the_base_and_undo_every_change(parameters: Any, model: LanguageModel) -> None:
    before, expected = state(model.module), _loss(model)
    names = [name for name, _ in model.module.named_parameters()]
    random_state = torch.random.get_rng_state()
    with parameters.training(model, seed=0):
        assert torch.equal(_loss(model), expected)
        gradient_step(model, _loss(model), length=0.1)
        assert not torch.equal(_loss(model), expected)
    assert torch.equal(torch.random.get_rng_state(), random_state)
    model.reset("fp32")
    assert [name for name, _ in model.module.named_parameters()] == names
    assert unchanged(model.module, before)
    assert all(weight.requires_grad for weight in model.module.parameters())


def train_some_weights_and_leave_the_others_as_they_are(
    parameters: Any, model: LanguageModel
) -> None:
    with parameters.training(model, seed=0):
        before = {name: now.detach().clone() for name, now, _ in model.weights()}
        assert any(weight.requires_grad for weight in model.module.parameters())
        gradient_step(model, _loss(model))
        moved = {name for name, now, _ in model.weights() if not torch.equal(now, before[name])}
        trained = {name for name, _, _ in model.trained()}
        assert moved <= trained  # the bias of BERT's keys has no gradient
        assert bool(moved) == bool(trained)
        assert bool(trained) != parameters.adapts


def a_lower_loss_shows_in_the_fused_model(parameters: Any, model: LanguageModel) -> None:
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
        assert torch.equal(_loss(model), trained), (
            "the weights in training are restored bit for bit"
        )


def the_seed_decides_the_initial_weights(parameters: Any, model: LanguageModel) -> None:
    def after(seed: int) -> torch.Tensor:
        model.reset("fp32")
        with parameters.training(model, seed=seed):
            gradient_step(model, _loss(model), length=0.1)
            gradient_step(model, _loss(model), length=0.1)
            return _loss(model)

    assert torch.equal(after(0), after(0))
    assert torch.equal(after(0), after(1)) != parameters.adapts


def a_saved_model_is_the_fused_model(parameters: Any, model: LanguageModel) -> None:
    with parameters.training(model, seed=0), tempfile.TemporaryDirectory() as folder:
        gradient_step(model, _loss(model), length=0.1)
        with fused_weights(model, 1.0):
            expected = _loss(model)
            model.save(Path(folder))
        saved = LanguageModel(Path(folder), model.family)
        assert torch.equal(_loss(saved), expected)
