"""Laws of every evaluator."""

import json
import math
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

from tests.conformance import perturb, state, unchanged
from trainables.config import TrialConfig
from trainables.metrics import estimate, items_file
from trainables.metrics.interval import MIN_DF
from trainables.metrics.names import RELATIVE
from trainables.models.language_model import LanguageModel
from trainables.scoring import likelihood, packing


def _values(evaluator: Any, model: LanguageModel, base: Any) -> dict[str, float]:
    """Return the metrics of the model without their errors."""
    return estimate.values(evaluator.measure(model, base))


def reports_what_it_declares(evaluator: Any, model: LanguageModel) -> None:
    values = _values(evaluator, model, {})
    declared = evaluator.metrics(model.family)
    assert sorted(values) == sorted(metric.name for metric in declared)
    assert all(type(value) is float and math.isfinite(value) for value in values.values())
    assert json.loads(json.dumps(values)) == values


def declares_each_metric_once_with_its_meaning(evaluator: Any, model: LanguageModel) -> None:
    declared = evaluator.metrics(model.family)
    assert len({metric.name for metric in declared}) == len(declared)
    assert all(metric.about for metric in declared)


def gives_values_within_their_bounds(evaluator: Any, model: LanguageModel) -> None:
    declared = {metric.name: metric for metric in evaluator.metrics(model.family)}
    assert all(m.bounds == (0, 1) for m in declared.values() if m.unit == "share")
    assert all(m.bounds == (0, 100) for m in declared.values() if m.unit == "%")
    base = evaluator.measure(model, {})
    perturb(model, 0.3)
    for values in (estimate.values(base), _values(evaluator, model, base)):
        for name, value in values.items():
            low, high = declared[name].bounds
            assert low is None or value >= low - 1e-6, name
            assert high is None or value <= high + 1e-6, name


def gives_standard_errors_and_writes_its_items(evaluator: Any, model: LanguageModel) -> None:
    perturb(model, 0.01)
    estimates = evaluator.measure(model, {})
    for name, measured in estimates.items():
        if not measured.items.names:
            assert measured.se is None, name
            continue
        num_clusters = len(set(measured.items.clusters or measured.items.names))
        assert 0 <= measured.df <= num_clusters - 1, name
        if not measured.influences_I.any():  # all items are alike
            assert measured.se is None, name
        elif measured.df >= MIN_DF:
            assert 0 < measured.se < math.inf, name
        assert len(measured.influences_I) == len(measured.items.names)
        assert len(set(measured.items.names)) == len(measured.items.names), name
    with tempfile.TemporaryDirectory() as folder:
        items_file.write(estimates, Path(folder, "items.parquet"))
        read = items_file.read(Path(folder, "items.parquet"))
    assert estimate.values(read) == estimate.values(estimates)
    assert estimate.errors(read) == estimate.errors(estimates)
    assert estimate.degrees_of_freedom(read) == estimate.degrees_of_freedom(estimates)


def gives_the_same_values_twice(evaluator: Any, model: LanguageModel) -> None:
    first = evaluator.measure(model, {})
    torch.manual_seed(1)
    random.seed(1)
    expected = estimate.values(first)
    assert _values(evaluator, model, {}) == expected
    assert _values(evaluator, model, first) == expected, (
        "the base has no rise, whether or not it is given"
    )


def has_no_rise_and_no_drop_at_the_base(evaluator: Any, model: LanguageModel) -> None:
    base = _values(evaluator, model, {})
    assert all(value == 0 for name, value in base.items() if name.endswith(RELATIVE))


def does_not_depend_on_batches_their_order_or_their_padding(
    evaluator: Any, model: LanguageModel
) -> None:
    expected = _values(evaluator, model, {})
    for tokens_a_batch, max_packed in ((1, 1), (61, 24), (10**6, 10**3)):
        with _patched(packing, TOKENS_A_BATCH=tokens_a_batch, MAX_PACKED=max_packed):
            values = _values(evaluator, model, {})
        for name, value in values.items():
            assert math.isclose(value, expected[name], rel_tol=1e-5, abs_tol=1e-5), name
    with _patched(likelihood, log_probs=_in_another_order(likelihood.log_probs)):
        values = _values(evaluator, model, {})
    for name, value in values.items():
        assert math.isclose(value, expected[name], rel_tol=1e-5, abs_tol=1e-5), name


@contextmanager
def _patched(module: ModuleType, **values: Any) -> Iterator[None]:
    """Return a context in which these names of a module have other values."""
    before = {name: getattr(module, name) for name in values}
    try:
        vars(module).update(values)
        yield
    finally:
        vars(module).update(before)


def _in_another_order(log_probs: Callable[..., Any]) -> Callable[..., Any]:
    """Return log_probs, with the groups read in another order and returned in theirs."""

    def shuffled(model: LanguageModel, groups: Sequence[Any]) -> list[Any]:
        order = random.Random(0).sample(range(len(groups)), len(groups))
        values = dict(zip(order, log_probs(model, [groups[n] for n in order]), strict=True))
        return [values[n] for n in range(len(groups))]

    return shuffled


def changes_neither_weights_nor_the_random_state(evaluator: Any, model: LanguageModel) -> None:
    before = state(model.module)
    random_state = torch.random.get_rng_state()
    for training in (True, False):
        model.module.train(training)
        evaluator.measure(model, {})
        assert model.module.training == training
    assert unchanged(model.module, before)
    assert all(weight.grad is None for weight in model.module.parameters())
    assert torch.equal(torch.random.get_rng_state(), random_state)


def changes_every_metric_with_the_weights(evaluator: Any, model: LanguageModel) -> None:
    base = evaluator.measure(model, {})
    moved: set[str] = set()
    for seed in range(3):
        model.reset("fp32")
        perturb(model, 0.3, seed)
        values = _values(evaluator, model, base)
        moved |= {name for name, value in values.items() if value != base[name].value}
    assert moved == set(base)


def has_no_finite_value_for_a_diverged_model(evaluator: Any, model: LanguageModel) -> None:
    base = evaluator.measure(model, {})
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.fill_(math.nan)
    values = _values(evaluator, model, base)
    assert not [name for name, value in values.items() if math.isfinite(value)]


def gives_a_sha256_of_its_data(evaluator: Any, model: LanguageModel) -> None:
    digest = evaluator.data_digest()
    assert len(digest) == 64
    assert int(digest, 16) >= 0
    assert evaluator.data_digest() == digest


def reads_its_items_without_a_model(evaluator: Any, model: LanguageModel) -> None:
    assert len(evaluator.items())


def fits_into_a_trial(evaluator: Any, model: LanguageModel) -> None:
    trial = TrialConfig.model_validate(
        {
            "model": {"path": "any", "family": model.family},
            "alignment": {"data": "miniature"},
            "train": {"lr": 0.1, "steps": 1},
            "evaluators": [evaluator.model_dump(mode="json")],
        }
    )
    assert trial.metrics()[: len(evaluator.metrics(model.family))] == evaluator.metrics(
        model.family
    )
    assert trial.evaluators == (evaluator,)
