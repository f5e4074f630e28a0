"""What is tried of a model: the model itself, or a copy of few blocks if it is too large for that."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import transformers

from trainables.models.fitness.laws import CannotRun, abilities
from trainables.models.fitness.smaller import smaller
from trainables.models.fitness.tested import EVERYTHING
from trainables.models.folder import AUTO_CLASSES, read_config, read_model

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family
    from trainables.models.fitness.tested import Ability

MAX_WEIGHTS = 300_000_000  # tried as they are: 1.2 GB in fp32, and as much for the gradient
MAX_COPY = 600_000_000  # weights of a copy
NOISE = 0.1


def abilities_in(folder: Path, family: Family, num_weights: int) -> list[Ability]:
    """Return what the model in a folder is able to do (laws.abilities), tried on the CPU.

    One of more than MAX_WEIGHTS is not read. Copies of its configuration with fewer blocks and words
    are tried, with random weights, until one runs. If none does, which may be due to what was changed,
    it is taken for able.

    num_weights: of the model in the folder.

    Raises:
        ValueError: as laws.abilities.
    """
    if num_weights <= MAX_WEIGHTS:
        return abilities(read_model(folder, family)[1], family)
    for module in _copies(read_config(folder), family):
        try:
            return abilities(module, family)
        except CannotRun:
            continue
    return sorted(EVERYTHING)


def _copies(config: Any, family: Family) -> Iterator[Any]:
    """Yield smaller models with random weights, the most like the original first."""
    auto_class = getattr(transformers, AUTO_CLASSES[family])
    for shrinks_mlp in (False, True):
        try:
            small = smaller(config, shrinks_mlp=shrinks_mlp)
            with torch.device("meta"):
                num_weights = sum(w.numel() for w in auto_class.from_config(small).parameters())
            if num_weights > MAX_COPY:
                continue
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                module = auto_class.from_config(small, dtype=torch.float32)
                with torch.no_grad():  # ones and zeros would hide what mixes texts up
                    for weight in module.parameters():
                        weight.add_(NOISE * torch.randn_like(weight))
        except Exception:  # a configuration need not make sense with other numbers
            continue
        yield module
