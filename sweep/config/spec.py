"""The file a user writes, as pydantic models: what a sweep is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sweep.samplers import AnySampler, Auto
from sweep.schedulers import AnyScheduler, NoScheduler
from sweep.space.corners import corners
from trainables.config import TrialConfig
from trainables.metrics.metric import Metric
from trainables.schema.strict import Strict

MAX_TRIALS = 1_000_000


class Bound(Strict):
    """What a metric must stay within, in its own unit."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if self.min is None and self.max is None:
            raise ValueError("must have a min or a max, as in {max: 0.3}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"must have min <= max, but got {self.min} and {self.max}")
        return self

    def excess(self, value: float) -> float:
        """How far a value is out of bounds; at most 0 within."""
        below = -float("inf") if self.min is None else self.min - value
        above = -float("inf") if self.max is None else value - self.max
        return max(below, above)


class Search(Strict):
    """How trials are chosen: by which sampler (sweep/samplers/ has one file for each), which seed."""

    sampler: AnySampler = Auto()
    seed: int = Field(0, ge=0, lt=2**31)


class Budget(Strict):
    """trials: how many are run in all; of a grid the first so many points, all when left out.

    hours: after these no trial starts and running ones finish; counted anew by each `sweep resume`.
    """

    trials: int | None = Field(None, ge=1, le=MAX_TRIALS)
    hours: float | None = Field(None, gt=0)


class Resources(Strict):
    """What each trial takes, and how many run at once (as many as fit, when left out)."""

    at_once: int | None = Field(None, ge=1)
    cpus_per_trial: int = Field(1, ge=1)
    gpus_per_trial: float = Field(0, ge=0)


class Checkpoints(Strict):
    """model: keep every finished model as an artifact of its run.

    resume: keep the state of running trials at each report, so that an interrupted one goes on
    from there instead of from its start; four times the size of the weights, for each that runs.

    storage_path: where all nodes see both, a shared folder or s3://BUCKET/PREFIX; the sweep's own
    folder if left out.
    """

    model: bool = False
    resume: bool = False
    storage_path: str | None = None

    @field_validator("storage_path")
    @classmethod
    def _is_seen_from_everywhere(cls, path: str | None) -> str | None:
        if path is None:
            return None
        import fsspec

        scheme, separator, rest = path.partition("://")
        if "@" in rest.partition("/")[0]:
            raise ValueError(
                "must hold no keys, which would be recorded: set AWS_ACCESS_KEY_ID and "
                "AWS_SECRET_ACCESS_KEY in the environment of each node"
            )
        if not (rest and scheme in fsspec.available_protocols() if separator else path[:1] == "/"):
            raise ValueError(
                "must be the absolute path of a folder that all nodes share, or s3://BUCKET/PREFIX "
                f"(or another that fsspec knows), but got {path!r}"
            )
        return path.rstrip("/")

    @model_validator(mode="after")
    def _keeps_something(self) -> Self:
        if self.storage_path and not (self.model or self.resume):
            raise ValueError(
                "must say what is kept in storage_path: resume: true, model: true, or both"
            )
        return self


class SweepSpec(Strict):
    """A sweep: a trial with domains at some leaves, what is traded off, and how much is spent."""

    name: str
    trial: dict[str, Any]
    goals: list[str] = Field(min_length=1)
    constraints: dict[str, Bound] = Field(default_factory=dict)
    search: Search = Search()
    scheduler: AnyScheduler = NoScheduler()
    budget: Budget = Budget()
    resources: Resources = Resources()
    checkpoints: Checkpoints = Checkpoints()

    @field_validator("name")
    @classmethod
    def _is_a_name(cls, name: str) -> str:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,99}", name):
            raise ValueError(
                "must be 1 to 100 of a–z, 0–9, '.', '_' and '-', the first of them a letter or a "
                f"digit, but got {name!r}"
            )
        if name in ("artifacts", "mlflow.db"):
            raise ValueError(f"must not be {name}, which lies beside the sweeps")
        return name

    @field_validator("goals")
    @classmethod
    def _differ(cls, goals: list[str]) -> list[str]:
        if len(set(goals)) < len(goals):
            raise ValueError(f"must be different metrics, but got {', '.join(goals)}")
        return goals

    @property
    def num_trials(self) -> int:
        """How many are run in all."""
        return self.budget.trials or self.search.sampler.num_points(self.trial)

    def trials(self) -> list[TrialConfig]:
        """A trial for every branch and for both ends of every domain."""
        return [TrialConfig.model_validate(c.tree) for c in corners(self.trial)]

    def allows(self, values: Mapping[str, float]) -> bool:
        """Whether every constraint holds."""
        return all(bound.excess(values[name]) <= 0 for name, bound in self.constraints.items())

    def metrics(self) -> dict[str, Metric]:
        """Every metric that each trial reports, whatever is drawn."""
        declared = [{m.name: m for m in trial.metrics()} for trial in self.trials()]
        everywhere = set(declared[0]).intersection(*declared)
        return {name: metric for name, metric in declared[0].items() if name in everywhere}
