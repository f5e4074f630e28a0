"""Bytes that a sweep writes to disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.planning.interval import ZERO, Interval
from sweep.planning.memory import FP32, MOMENTS

if TYPE_CHECKING:
    from sweep.config.spec import Checkpoints
    from sweep.planning.work.shapes import ModelShape
    from sweep.planning.work.trial_work import TrialWork
    from trainables.config import TrialConfig

STATE = MOMENTS + FP32  # of a checkpoint: moments and weights
# Of the record: the run of a trial with its metrics, its items and its YAML, in MLflow and the journal;
# the tables of a new store, the front. The demo of 24 trials has 8 MB.
RECORD_OF_TRIAL = Interval(1e5, 3e5, 1e6)
RECORD_OF_SWEEP = Interval(1e6, 2e6, 6e6)


def files(
    checkpoints: Checkpoints, trials: list[tuple[TrialConfig, TrialWork]], shape: ModelShape,
    *, num_trials: int, slots: int,
) -> dict[str, Interval]:  # fmt: skip
    """Return kind of file -> bytes that are kept once the sweep has ended, or while it runs.

    checkpoints: of the trials that run. models: of every finished trial, and one more of each that is
    on its way into the record. record: MLflow's, and the search's. cache: states of the base that are
    kept for the next trial.

    trials: drawn ones, with their work.
    """
    kept = {}
    if checkpoints.resume:
        states = [float(STATE * work.num_trained) for _, work in trials]
        # A new state is written before the old one is deleted.
        kept["checkpoints"] = _spread(states) * slots * Interval(1, 1, 2)
    if checkpoints.model:
        sizes = [(2 if t.train.dtype == "bf16" else FP32) * shape.num_weights for t, _ in trials]
        one = _spread([float(size) for size in sizes]) * Interval.around(1, shape.factor)
        kept["models"] = one * num_trials + one * slots * Interval(0, 0, 1)
    kept["record"] = RECORD_OF_TRIAL * num_trials + RECORD_OF_SWEEP
    dtypes = [2 if trial.train.dtype == "bf16" else FP32 for trial, _ in trials]
    tokens = [work.base_tokens * size for (_, work), size in zip(trials, dtypes, strict=True)]
    if most := max(tokens):
        kept["cache"] = Interval(0.0, most * shape.width, 2 * most * shape.width)
    return kept


def _spread(values: list[float]) -> Interval:
    """Return the mean of some values, with the smallest and the largest as its range."""
    return Interval(min(values), sum(values) / len(values), max(values)) if values else ZERO
