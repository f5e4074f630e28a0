"""What the evaluators of a trial find, and what they found at base weights, kept for all trials."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from trainables.assets import cache
from trainables.metrics import items_file
from trainables.metrics.guard import derive
from trainables.metrics.names import RELATIVE

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.evaluators import AnyEvaluator
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel

# The source that a measured value is made by, beside weights and data.
MEASURED_BY = ("data", "evaluators", "metrics", "models", "scoring")
PACKAGES = ("torch", "transformers", "tokenizers", "scikit-learn", "scipy")


def measure(
    config: TrialConfig, model: LanguageModel, base: Mapping[str, Estimate]
) -> dict[str, Estimate]:
    """What all evaluators of the trial find, the model being as it is now."""
    found: dict[str, Estimate] = {}
    for evaluator in config.evaluators:
        found |= evaluator.measure(model, base)
    return found | derive(found, config.guard)


def base_values(config: TrialConfig, model: LanguageModel) -> dict[str, Estimate]:
    """What the evaluators find at the base weights: measured once for all trials, then cached."""
    found: dict[str, Estimate] = {}
    for evaluator in config.evaluators:
        found |= base_value(evaluator, model, config.train.dtype)
    return found | derive(found, config.guard)


def measure_alone(evaluator: AnyEvaluator, model: LanguageModel) -> dict[str, Estimate]:
    """What one evaluator finds of a model by itself, in fp32: nothing against a base."""
    found = base_value(evaluator, model, "fp32")
    return {name: value for name, value in found.items() if not name.endswith(RELATIVE)}


def base_value(
    evaluator: AnyEvaluator, model: LanguageModel, dtype: Literal["fp32", "bf16"]
) -> dict[str, Estimate]:
    """What one evaluator finds at the base weights, for all trials and all sweeps.

    The model is put back to its base weights where it has to be measured.
    The key holds all that the numbers depend on: weights, evaluator, its data, precision, our code.
    """
    asked = {
        "measured by": cache.source_digest(*MEASURED_BY),
        "versions": {package: version(package) for package in PACKAGES},
        "model": model.digest,
        "family": model.family,
        "dtype": dtype,
        "device": model.device.type,
        "evaluator": evaluator.model_dump(mode="json"),
        "data": evaluator.data_digest(),
    }
    key = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()[:24]

    def build(folder: Path) -> None:
        model.reset(dtype)  # whatever it has been trained to since
        items_file.write(evaluator.measure(model, {}), folder / "items.parquet")
        (folder / "asked.json").write_text(json.dumps(asked, indent=1))

    return items_file.read(cache.once(f"base_values/{key}", build) / "items.parquet")
