"""What every objective keeps to."""

import math
from typing import Any, get_args

import torch

from tests.conformance import (
    LONGER,
    PAIRS,
    TEXTS,
    clear_gradients,
    gradient_step,
    pair_reading,
    state,
    text_reading,
    unchanged,
)
from trainables.config import TrialConfig
from trainables.data.comparisons import Comparison
from trainables.models.language_model import LanguageModel
from trainables.objectives.base import Objective, Side
from trainables.training.stream import Stream


def _prepared(objective: Any, model: LanguageModel) -> Any:
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


def _acts_on_texts(objective: Any) -> bool:
    return type(objective).text_loss is not Objective.text_loss


def _pulls(objective: Any) -> bool:
    """Whether it has a loss beside that of the texts it learns."""
    return objective.compares is not None or _acts_on_texts(objective)


def _pull(
    objective: Any,
    model: LanguageModel,
    pairs: list[tuple[str, str]] = PAIRS,
    texts: list[str] = TEXTS,
    **more: Any,
) -> torch.Tensor:
    """Its loss over pairs and texts."""
    found = torch.as_tensor(objective.text_loss(model, text_reading(model, texts)))
    if objective.compares is not None:
        prepared = _prepared(objective, model)
        reading = pair_reading(model, objective, pairs, prepared=prepared, **more)
        found = found + objective.pair_loss(model, reading)
    return found


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-4, abs_tol=1e-6)


def says_what_it_learns(objective: Any, model: LanguageModel) -> None:
    assert len(set(objective.trains_on)) == len(objective.trains_on)
    assert set(objective.trains_on) <= set(get_args(Side))
    assert objective.compares in (None, *get_args(Comparison))
    assert objective.trains_on or _pulls(objective), "there must be something to train on"
    assert model.family in objective.families
    overrides = type(objective).pair_loss is not Objective.pair_loss
    assert overrides == (objective.compares is not None)


def gives_a_finite_scalar_with_a_gradient_if_it_pulls(objective: Any, model: LanguageModel) -> None:
    loss = _pull(objective, model)
    assert loss.shape == ()
    assert loss.isfinite()
    assert loss.requires_grad == _pulls(objective)
    assert loss.dtype == torch.float32
    if not _pulls(objective):
        assert loss == 0


def gives_the_same_twice(objective: Any, model: LanguageModel) -> None:
    first = _pull(objective, model)
    torch.manual_seed(1)
    assert torch.equal(_pull(objective, model), first)


def is_a_mean_over_pairs(objective: Any, model: LanguageModel) -> None:
    if objective.compares is None:
        return
    alone = [_pull(objective, model, [pair]).item() for pair in PAIRS]
    assert _close(_pull(objective, model).item(), sum(alone) / len(PAIRS))


def is_a_mean_over_the_tokens_of_texts(objective: Any, model: LanguageModel) -> None:
    whole = text_reading(model)
    each = [text_reading(model, [text]) for text in TEXTS]
    tokens = [len(reading.targets_N) for reading in each]
    found = [torch.as_tensor(objective.text_loss(model, reading)).item() for reading in each]
    mean = sum(n * value for n, value in zip(tokens, found, strict=True)) / sum(tokens)
    assert _close(torch.as_tensor(objective.text_loss(model, whole)).item(), mean)


def does_not_depend_on_order_or_padding(objective: Any, model: LanguageModel) -> None:
    expected = _pull(objective, model).item()
    turned = _pull(objective, model, PAIRS[::-1], TEXTS[::-1], besides=(LONGER,)).item()
    assert _close(turned, expected)


def is_the_same_whether_or_not_the_bases_answer_is_kept(
    objective: Any, model: LanguageModel
) -> None:
    gradient_step(model, text_reading(model).token_log_prob_N.mean(), length=0.1)
    kept, anew = (_pull(objective, model, recurs=recurs).item() for recurs in (True, False))
    assert _close(kept, anew)


def leaves_the_model_alone(objective: Any, model: LanguageModel) -> None:
    before, base = state(model.module), state(model.base)
    drawn = torch.random.get_rng_state()
    loss = _pull(objective, model)
    if _pulls(objective):
        loss.backward()
    assert unchanged(model.module, before)
    assert unchanged(model.base, base)
    assert all(weight.grad is None for weight in model.base.parameters())
    assert torch.equal(torch.random.get_rng_state(), drawn)
    clear_gradients(model)


def scales_with_its_weight_and_changes_nothing_at_zero(
    objective: Any, model: LanguageModel
) -> None:
    if not _pulls(objective):
        return
    none, once, twice = (
        _pull(objective.model_copy(update={"weight": weight}), model) for weight in (0.0, 1.0, 2.0)
    )
    assert math.isclose(2 * once.item(), twice.item(), rel_tol=1e-5)
    assert none.item() == 0
    none.backward()
    assert not any(w.grad is not None and w.grad.any() for w in model.module.parameters())
    assert type(objective).model_validate(objective.model_dump() | {"weight": 0.0}).weight == 0
    clear_gradients(model)


def is_lowered_by_a_step_along_its_gradient(objective: Any, model: LanguageModel) -> None:
    if not _pulls(objective):
        return
    loss = _pull(objective, model)
    gradient_step(model, loss)
    assert _pull(objective, model).item() < loss.item()


def is_finite_in_bf16(objective: Any, model: LanguageModel) -> None:
    model.reset("bf16")
    loss = _pull(objective, model)
    assert loss.isfinite()
    assert loss.dtype == torch.float32


def puts_back_what_it_changes_to_train(objective: Any, model: LanguageModel) -> None:
    before = state(model.module)
    texts = text_reading(model)
    model.module.train()
    try:
        with objective.training(model):
            assert unchanged(model.module, before)
        after = text_reading(model)
        assert torch.equal(after.token_log_prob_N, texts.token_log_prob_N)
        with objective.training(model):
            model.module.eval()
            measured = text_reading(model)
            assert torch.equal(measured.token_log_prob_N, texts.token_log_prob_N)
    finally:
        model.module.eval()
