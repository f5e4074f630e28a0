"""Run the evaluators of a trial; values of the base model are measured once and then cached."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainables.assets import cache
from trainables.data.queries import refuse_long_texts
from trainables.metrics import items_file
from trainables.metrics.guard import derive
from trainables.metrics.names import RELATIVE

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.evaluators import AnyEvaluator
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel

# The source that a measured value depends on, beside weights and data.
MEASURED_BY = ("data", "evaluators", "harness", "metrics", "models", "scoring")
PACKAGES = ("torch", "transformers", "tokenizers", "scikit-learn", "scipy")


def measure(
    config: TrialConfig, model: LanguageModel, base: Mapping[str, Estimate]
) -> dict[str, Estimate]:
    """Return the estimates of all metrics of a trial, for the model as it is now.

    base: the estimates at the base weights, which some metrics are compared with.
    """
    estimates: dict[str, Estimate] = {}
    for evaluator in config.evaluators:
        estimates |= evaluator.measure(model, base)
    return estimates | derive(estimates, config.guard)


def base_values(config: TrialConfig, model: LanguageModel) -> dict[str, Estimate]:
    """Return the estimates of all metrics of a trial at the base weights, measured or cached.

    If any must be measured, the model is reset to its base weights.
    """
    estimates: dict[str, Estimate] = {}
    for evaluator in config.evaluators:
        estimates |= base_value(evaluator, model, config.train.dtype)
    return estimates | derive(estimates, config.guard)


def measure_alone(evaluator: AnyEvaluator, model: LanguageModel) -> dict[str, Estimate]:
    """Return an evaluator's estimates for a model in fp32, without metrics relative to a base."""
    estimates = base_value(evaluator, model, "fp32")
    return {name: value for name, value in estimates.items() if not name.endswith(RELATIVE)}


def base_value(
    evaluator: AnyEvaluator, model: LanguageModel, dtype: Literal["fp32", "bf16"]
) -> dict[str, Estimate]:
    """Return an evaluator's estimates at the base weights in this precision, measured or cached.

    The cache is shared by all trials and sweeps. Its key holds all that the numbers depend on:
    weights, evaluator, its data, precision, our code. To measure, the model is reset to its base
    weights.
    """
    data_digest = evaluator.data_digest()
    key_parts = {
        "measured by": cache.source_digest(*MEASURED_BY),
        "versions": {package: version(package) for package in PACKAGES},
        "model": model.digest,
        "family": model.family,
        "start": model.tokenizer.start_ids,
        "dtype": dtype,
        "device": model.device.type,
        "evaluator": evaluator.model_dump(mode="json"),
        "data": data_digest,
    }
    key = hashlib.sha256(json.dumps(key_parts, sort_keys=True).encode()).hexdigest()[:24]

    def build(folder: Path) -> None:
        with cache.unchanged_while_read(
            data_digest, f"the data of {evaluator.name}", evaluator.data_digest
        ):
            refuse_long_texts(model.tokenizer, evaluator.whole_texts())
            model.reset(dtype)
            items_file.write(evaluator.measure(model, {}), folder / "items.parquet")
        (folder / "key.json").write_text(json.dumps(key_parts, indent=1))

    return items_file.read(cache.once(f"base_values/{key}", build) / "items.parquet")
