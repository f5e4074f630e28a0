"""Laws of every regulariser."""

import math
from typing import Any

import torch

from tests.conformance import (
    LONGER,
    TEXTS,
    clear_gradients,
    gradient_step,
    perturb,
    queries,
    state,
    text_predictions,
    unchanged,
)
from trainables.models.joint_forward import predict_jointly
from trainables.models.language_model import LanguageModel
from trainables.regularisers.base import Regulariser


def _is_a_loss(regulariser: Any) -> bool:
    """Whether it has a loss; others act on the optimiser, or on the weights in training."""
    kind = type(regulariser)
    return (
        kind.weight_loss is not Regulariser.weight_loss
        or kind.text_loss is not Regulariser.text_loss
    )


def _loss(regulariser: Any, model: LanguageModel, texts: list[str] = TEXTS) -> torch.Tensor:
    """Return its loss over weights and texts."""
    text_loss = regulariser.text_loss(model, text_predictions(model, texts))
    return torch.as_tensor(regulariser.weight_loss(model)) + text_loss


def declares_whether_it_reads_texts(regulariser: Any, model: LanguageModel) -> None:
    text_loss = type(regulariser).text_loss is not Regulariser.text_loss
    assert regulariser.reads_texts == text_loss
    assert regulariser.anchor is None or regulariser.reads_texts


def names_the_set_of_its_own_texts(regulariser: Any, model: LanguageModel) -> None:
    """So that the set is fetched before a sweep, and kept apart from what is measured on."""
    assert regulariser.anchor is None or regulariser.texts_from == regulariser.anchor[0]


def is_zero_at_the_base(regulariser: Any, model: LanguageModel) -> None:
    assert abs(_loss(regulariser, model).item()) < 1e-6


def is_a_finite_scalar_and_never_negative(regulariser: Any, model: LanguageModel) -> None:
    for scale in (0.001, 0.01, 0.1):
        perturb(model, scale)
        loss = _loss(regulariser, model)
        assert loss.shape == ()
        assert loss.isfinite()
        assert (loss.item() > 0) == _is_a_loss(regulariser)


def is_lowered_by_a_step_along_its_gradient(regulariser: Any, model: LanguageModel) -> None:
    if not _is_a_loss(regulariser):
        return
    perturb(model, 0.05)
    loss = _loss(regulariser, model)
    gradient_step(model, loss)
    assert _loss(regulariser, model).item() < loss.item()


def grows_with_the_distance(regulariser: Any, model: LanguageModel) -> None:
    if not _is_a_loss(regulariser):
        return
    losses = []
    for scale in (0.01, 0.02, 0.04):
        model.reset("fp32")
        perturb(model, scale)
        losses.append(_loss(regulariser, model).item())
    assert losses == sorted(losses)


def is_a_mean_however_a_step_is_cut_into_micro_batches(
    regulariser: Any, model: LanguageModel
) -> None:
    perturb(model, 0.02)
    parts = [TEXTS[:1], TEXTS[1:]]
    sizes = [len(text_predictions(model, part).targets_N) for part in parts]
    losses = [_loss(regulariser, model, part).item() for part in parts]
    expected = sum(n * value for n, value in zip(sizes, losses, strict=True)) / sum(sizes)
    assert math.isclose(_loss(regulariser, model).item(), expected, rel_tol=1e-4, abs_tol=1e-7)


def is_the_same_with_padding_and_with_cached_predictions_of_the_base(
    regulariser: Any, model: LanguageModel
) -> None:
    perturb(model, 0.02)
    expected = _loss(regulariser, model).item()
    groups = {"texts": queries(model), "besides": queries(model, [LONGER])}
    for recurring in (frozenset[str](), frozenset(groups)):
        texts = predict_jointly(model, groups, recurring=recurring)["texts"]
        loss = torch.as_tensor(regulariser.weight_loss(model)) + regulariser.text_loss(model, texts)
        assert math.isclose(loss.item(), expected, rel_tol=1e-4, abs_tol=1e-7)


def changes_neither_weights_nor_the_random_state(regulariser: Any, model: LanguageModel) -> None:
    perturb(model, 0.02)
    before, base = state(model.module), state(model.base)
    random_state = torch.random.get_rng_state()
    loss = _loss(regulariser, model)
    if loss.requires_grad:
        loss.backward()
    assert unchanged(model.module, before)
    assert unchanged(model.base, base)
    assert all(weight.grad is None for weight in model.base.parameters())
    assert torch.equal(torch.random.get_rng_state(), random_state)
    clear_gradients(model)


def scales_with_its_weight_and_changes_nothing_at_zero(
    regulariser: Any, model: LanguageModel
) -> None:
    if not _is_a_loss(regulariser):
        return
    perturb(model, 0.02)
    none, once, twice = (
        _loss(regulariser.model_copy(update={"weight": weight}), model)
        for weight in (0.0, 1.0, 2.0)
    )
    assert math.isclose(2 * once.item(), twice.item(), rel_tol=1e-5)
    assert none.item() == 0
    none.backward()
    assert not any(w.grad is not None and w.grad.any() for w in model.module.parameters())
    assert type(regulariser).model_validate(regulariser.model_dump() | {"weight": 0.0}).weight == 0
    clear_gradients(model)


def is_finite_in_bf16(regulariser: Any, model: LanguageModel) -> None:
    model.reset("bf16")
    assert _loss(regulariser, model).isfinite()


def undoes_its_changes_to_the_model_after_training(regulariser: Any, model: LanguageModel) -> None:
    before = state(model.module)
    texts = text_predictions(model)
    model.module.train()
    try:
        with regulariser.training(model):
            assert unchanged(model.module, before)
            model.module.eval()
            measured = text_predictions(model)
            assert torch.equal(measured.token_log_prob_N, texts.token_log_prob_N)
            model.module.train()
        after = text_predictions(model)
        assert torch.equal(after.token_log_prob_N, texts.token_log_prob_N)
    finally:
        model.module.eval()


def gives_a_factor_up_to_1_and_a_pull_from_0(regulariser: Any, model: LanguageModel) -> None:
    for step in (1, 2, 100, 10**4):
        pull = regulariser.pull_to_base(step)
        assert pull is None or (0 <= pull.factor <= 1 and pull.strength >= 0 < pull.epsilon)
