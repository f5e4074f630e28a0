"""What a GPU does to trials; `python -m tests.gpu` asks it (see __main__.py).

laws.py: the laws of the plugins. trials.py: whether trials repeat, resume, and agree with the CPU.
sharding.py: every ZeRO stage beside a plain loop, and several processes. speed.py: what a step costs.
"""

from __future__ import annotations

from typing import Any

import torch

from trainables.config import TrialConfig
from trainables.models import miniature
from trainables.trial import run_trial

IS_GPU = torch.cuda.is_available()
DEVICE = "cuda" if IS_GPU else "cpu"

# What is checked, whether it holds (None where it is a figure alone), and the figure.
Row = tuple[str, bool | None, str]


def trial(name: str, dtype: str, **changes: Any) -> TrialConfig:
    """Return a small trial of a miniature model with most kinds of loss.

    changes: other keys of the trial; those of `train` are added to its own.
    """
    train = {"lr": 1e-3, "steps": 6, "batch_size": 8, "dtype": dtype, "report_every": 3}
    tree = {
        "model": {"path": name, "family": miniature.MODELS[name]},
        "alignment": {"data": "miniature", "size": 64},
        "objective": {"name": "likelihood_gap", "weight": 10.0},
        "regulariser": {"name": "kl_to_base", "data": "miniature", "texts": 4},
        "replay": {"data": "miniature", "ratio": 0.25},
        "evaluators": [
            {"name": "stereoset", "data": "miniature"},
            {"name": "perplexity", "data": "miniature", "limit": 40},
            {"name": "kl", "data": "miniature", "limit": 40},
            {"name": "multiple_choice", "task": "miniature_facts"},
        ],
    }
    return TrialConfig.model_validate(tree | changes | {"train": train | changes.get("train", {})})


def metrics_of(config: TrialConfig, **more: Any) -> list[dict[str, float]]:
    """Return the metrics of each report of a trial."""
    return [report.metrics for report in run_trial(config, **more)]


def synchronise() -> None:
    """Wait for the GPU."""
    if IS_GPU:
        torch.cuda.synchronize()
