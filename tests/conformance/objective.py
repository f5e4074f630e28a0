"""Laws of every objective."""

import math
from typing import Any, get_args

import torch

from tests.conformance import (
    LONGER,
    PAIRS,
    TEXTS,
    clear_gradients,
    gradient_step,
    pair_predictions,
    state,
    text_predictions,
    unchanged,
)
from trainables.config import TrialConfig
from trainables.data.comparisons import Comparison
from trainables.models.language_model import LanguageModel
from trainables.objectives.base import Objective, Side
from trainables.training.stream import Stream


def _prepared(objective: Any, model: LanguageModel) -> Any:
    """Return what the objective prepares on eight pairs of the miniature."""
    config = TrialConfig.model_validate(
        {
            "model": {"path": "any", "family": model.family},
            "alignment": {"data": "miniature", "size": 8},
            "objective": objective.model_dump(mode="json"),
            "train": {"lr": 0.1, "steps": 1},
            "evaluators": ["weights"],
        }
    )
    return objective.prepare(model, Stream(config, model).pairs)


def _has_loss(objective: Any) -> bool:
    """Whether it has a loss of its own, beside the NLL of the texts that it trains on."""
    has_text_loss = type(objective).text_loss is not Objective.text_loss
    return objective.compares is not None or has_text_loss


def _loss(
    objective: Any,
    model: LanguageModel,
    pairs: list[tuple[str, str]] = PAIRS,
    texts: list[str] = TEXTS,
    **more: Any,
) -> torch.Tensor:
    """Return its loss over texts and, if it compares them, over pairs."""
    loss = torch.as_tensor(objective.text_loss(model, text_predictions(model, texts)))
    if objective.compares is not None:
        prepared = _prepared(objective, model)
        predictions = pair_predictions(model, objective, pairs, prepared=prepared, **more)
        loss = loss + objective.pair_loss(model, predictions)
    return loss


def _close(value: float, expected: float) -> bool:
    """Whether two losses are equal but for rounding."""
    return math.isclose(value, expected, rel_tol=1e-4, abs_tol=1e-6)


def declares_what_it_trains_on_and_compares(objective: Any, model: LanguageModel) -> None:
    assert len(set(objective.trains_on)) == len(objective.trains_on)
    assert set(objective.trains_on) <= set(get_args(Side))
    assert objective.compares in (None, *get_args(Comparison))
    assert objective.trains_on or _has_loss(objective), "there must be something to train on"
    assert model.family in objective.families
    overrides = type(objective).pair_loss is not Objective.pair_loss
    assert overrides == (objective.compares is not None)


def gives_a_finite_scalar_with_a_gradient_if_it_has_a_loss(
    objective: Any, model: LanguageModel
) -> None:
    loss = _loss(objective, model)
    assert loss.shape == ()
    assert loss.isfinite()
    assert loss.requires_grad == _has_loss(objective)
    assert loss.dtype == torch.float32
    if not _has_loss(objective):
        assert loss == 0


def gives_the_same_loss_twice(objective: Any, model: LanguageModel) -> None:
    first = _loss(objective, model)
    torch.manual_seed(1)
    assert torch.equal(_loss(objective, model), first)


def is_a_mean_over_pairs(objective: Any, model: LanguageModel) -> None:
    if objective.compares is None:
        return
    alone = [_loss(objective, model, [pair]).item() for pair in PAIRS]
    assert _close(_loss(objective, model).item(), sum(alone) / len(PAIRS))


def is_a_mean_over_the_tokens_of_texts(objective: Any, model: LanguageModel) -> None:
    whole = text_predictions(model)
    single = [text_predictions(model, [text]) for text in TEXTS]
    sizes = [len(predictions.targets_N) for predictions in single]
    losses = [torch.as_tensor(objective.text_loss(model, each)).item() for each in single]
    mean = sum(n * value for n, value in zip(sizes, losses, strict=True)) / sum(sizes)
    assert _close(torch.as_tensor(objective.text_loss(model, whole)).item(), mean)


def does_not_depend_on_order_or_padding(objective: Any, model: LanguageModel) -> None:
    expected = _loss(objective, model).item()
    turned = _loss(objective, model, PAIRS[::-1], TEXTS[::-1], besides=(LONGER,)).item()
    assert _close(turned, expected)


def is_the_same_with_and_without_cached_predictions_of_the_base(
    objective: Any, model: LanguageModel
) -> None:
    gradient_step(model, text_predictions(model).token_log_prob_N.mean(), length=0.1)
    cached, computed = (_loss(objective, model, recurs=recurs).item() for recurs in (True, False))
    assert _close(cached, computed)


def changes_neither_weights_nor_the_random_state(objective: Any, model: LanguageModel) -> None:
    before, base = state(model.module), state(model.base)
    random_state = torch.random.get_rng_state()
    loss = _loss(objective, model)
    if _has_loss(objective):
        loss.backward()
    assert unchanged(model.module, before)
    assert unchanged(model.base, base)
    assert all(weight.grad is None for weight in model.base.parameters())
    assert torch.equal(torch.random.get_rng_state(), random_state)
    clear_gradients(model)


def scales_with_its_weight_and_changes_nothing_at_zero(
    objective: Any, model: LanguageModel
) -> None:
    if not _has_loss(objective):
        return
    none, once, twice = (
        _loss(objective.model_copy(update={"weight": weight}), model) for weight in (0.0, 1.0, 2.0)
    )
    assert math.isclose(2 * once.item(), twice.item(), rel_tol=1e-5)
    assert none.item() == 0
    none.backward()
    assert not any(w.grad is not None and w.grad.any() for w in model.module.parameters())
    assert type(objective).model_validate(objective.model_dump() | {"weight": 0.0}).weight == 0
    clear_gradients(model)


def is_lowered_by_a_step_along_its_gradient(objective: Any, model: LanguageModel) -> None:
    if not _has_loss(objective):
        return
    loss = _loss(objective, model)
    gradient_step(model, loss)
    assert _loss(objective, model).item() < loss.item()


def is_finite_in_bf16(objective: Any, model: LanguageModel) -> None:
    model.reset("bf16")
    loss = _loss(objective, model)
    assert loss.isfinite()
    assert loss.dtype == torch.float32


def undoes_its_changes_to_the_model_after_training(objective: Any, model: LanguageModel) -> None:
    before = state(model.module)
    texts = text_predictions(model)
    model.module.train()
    try:
        with objective.training(model):
            assert unchanged(model.module, before)
        after = text_predictions(model)
        assert torch.equal(after.token_log_prob_N, texts.token_log_prob_N)
        with objective.training(model):
            model.module.eval()
            measured = text_predictions(model)
            assert torch.equal(measured.token_log_prob_N, texts.token_log_prob_N)
    finally:
        model.module.eval()
