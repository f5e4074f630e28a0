"""The schema of a spec, the YAML file that describes a sweep, as pydantic models."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Self

from pydantic import Field, field_validator, model_validator

from sweep.samplers import AnySampler, Auto
from sweep.schedulers import AnyScheduler, NoScheduler
from sweep.space.corners import corners
from trainables.config import TrialConfig
from trainables.metrics.metric import Metric
from trainables.schema.strict import Strict

MAX_TRIALS = 1_000_000  # of one sweep
MAX_SEEDS = 1000  # of one recipe


class Bound(Strict):
    """The range that a constrained metric must stay within, in the metric's unit."""

    min: float | None = None
    max: float | None = None

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        """Raise ValueError if there is neither limit, or the lower one is above the upper one."""
        if self.min is None and self.max is None:
            raise ValueError("must have a min or a max, as in {max: 0.3}")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"must have min <= max, but got {self.min} and {self.max}")
        return self

    def excess(self, value: float) -> float:
        """Return max(min − value, value − max): how far a value is out of bounds; at most 0 within.

        A limit that is not given does not count.
        """
        below_min = -float("inf") if self.min is None else self.min - value
        above_max = -float("inf") if self.max is None else value - self.max
        return max(below_min, above_max)


class Search(Strict):
    """How trials are chosen.

    sampler: chooses the parameters of the next trial (sweep/samplers/ has one file for each).
    seed:    of the sampler.
    """

    sampler: AnySampler = Auto()
    seed: int = Field(0, ge=0, lt=2**31)


class Replicates(Strict):
    """How often each recipe that the search draws is run.

    seeds: the number of trials of each recipe. They differ in their seed: that of the trial, and the
        next ones. A trial whose drawn settings are not valid is run once.
    """

    seeds: int = Field(1, ge=1, le=MAX_SEEDS)


class Budget(Strict):
    """How many trials are run, and for how long.

    trials: the number of trials in all, replicates included: 60 trials of 3 seeds are 20 recipes. A
        grid runs this many of its first points times seeds, and all of them if it is left out.
    hours: the time after which no trial starts any more; running ones finish. Each `sweep resume`
        starts it again.
    """

    trials: int | None = Field(None, ge=1, le=MAX_TRIALS)
    hours: float | None = Field(None, gt=0)


LEAST_SHARE = 0.0001  # of a GPU


class Resources(Strict):
    """What each trial needs of the machines.

    at_once:        the number of trials that run at the same time; as many as fit if left out.
    workers_per_trial: the number of processes that train one trial together, by DeepSpeed.
    cpus_per_trial: CPU cores that Ray reserves for each trial; one for each process if left out.
    gpus_per_trial: GPUs that Ray reserves for each trial; with a fraction, trials share one.
    """

    at_once: int | None = Field(None, ge=1)
    workers_per_trial: int = Field(1, ge=1, le=1024)
    cpus_per_trial: int | None = Field(None, ge=1)
    gpus_per_trial: float = Field(0, ge=0)

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        """Raise ValueError unless each process gets whole CPUs, and a share of a GPU that Ray counts.

        Several processes of a trial must get whole GPUs of their own.
        """
        if 0 < self.gpus_per_trial < LEAST_SHARE:
            raise ValueError(
                f"gpus_per_trial must be 0 or at least {LEAST_SHARE:g}, the smallest share, but "
                f"got {self.gpus_per_trial:g}"
            )
        if self.gpus_per_trial > 1 and self.gpus_per_trial % 1:
            raise ValueError(
                f"gpus_per_trial must be a part of one GPU or a whole number, as Ray shares one GPU "
                f"alone, but got {self.gpus_per_trial:g}"
            )
        size = self.workers_per_trial
        for key, number in (("cpus", self.num_cpus), ("gpus", self.gpus_per_trial)):
            if size > 1 and number % size:
                raise ValueError(
                    f"{key}_per_trial must be a multiple of workers_per_trial, so that each process "
                    f"has its own, but got {number:g} and {size}"
                )
        return self

    @property
    def num_cpus(self) -> int:
        """CPU cores of a trial: one for each process, if nothing else is given."""
        return self.cpus_per_trial or self.workers_per_trial

    @property
    def cpus_per_process(self) -> int:
        """CPU cores of each process of a trial."""
        return self.num_cpus // self.workers_per_trial

    @property
    def gpus_per_process(self) -> float:
        """GPUs of each process of a trial."""
        return self.gpus_per_trial / self.workers_per_trial

    @property
    def processes_per_gpu(self) -> int:
        """The most processes of trials that compute on the same GPU; 0 where they use none."""
        share = self.gpus_per_process
        return max(1, int(1 / share)) if share else 0

    def processes_on(self, num_cpus: float, num_gpus: float) -> int:
        """Return how many processes of trials a node with so many CPUs and GPUs can hold.

        What is left over of several GPUs cannot be put together to a share.

        >>> Resources(gpus_per_trial=0.4).processes_on(num_cpus=16, num_gpus=2)
        4
        """
        room = int(num_cpus // self.cpus_per_process)
        if self.gpus_per_process >= 1:
            room = min(room, int(num_gpus // self.gpus_per_process))
        elif self.gpus_per_process:
            room = min(room, int(num_gpus) * self.processes_per_gpu)
        return room


class Checkpoints(Strict):
    """What is kept of each trial, and where.

    model: whether every finished model is kept as an artifact of its run.
    resume: whether the state of a running trial is kept at each report. An interrupted trial then
        goes on from there instead of from its start. The state takes three times the size of the
        trained weights, in fp32, for each trial that runs.
    storage_path: a place that all nodes see: a shared folder or s3://BUCKET/PREFIX. The sweep's own
        folder if left out.
    """

    model: bool = False
    resume: bool = False
    storage_path: str | None = None

    @field_validator("storage_path")
    @classmethod
    def _check_storage_path(cls, path: str | None) -> str | None:
        """Return the path without a slash at its end.

        Raises:
            ValueError: it holds credentials, is relative, or has a scheme that fsspec does not know.
        """
        if path is None:
            return None
        import fsspec

        scheme, separator, rest = path.partition("://")
        if separator and set(rest) & {"@", "?"}:
            raise ValueError(
                "must hold no keys (and so no @ and no ?), which would be recorded: set "
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment of each node"
            )
        is_known = bool(rest) and "::" not in path and scheme in fsspec.available_protocols()
        if not (is_known if separator else path[:1] == "/"):
            raise ValueError(
                "must be the absolute path of a folder that all nodes share, or s3://BUCKET/PREFIX "
                f"(or another that fsspec knows), but got {path!r}"
            )
        return path.rstrip("/")

    @model_validator(mode="after")
    def _check_storage_is_used(self) -> Self:
        """Raise ValueError if there is a storage path and nothing to keep there."""
        if self.storage_path and not (self.model or self.resume):
            raise ValueError(
                "must have resume: true, model: true, or both, where storage_path is given, but has "
                "neither"
            )
        return self


class SweepSpec(Strict):
    """A whole sweep, with one field for each top-level key of the file.

    trial: the configuration of a trial (trainables.config.TrialConfig) with domains at some leaves.
    goals: names of the metrics that are traded off.
    constraints: name of a metric -> the range that it must stay within for a trial to be feasible.
    """

    name: str
    trial: dict[str, Any]
    goals: list[str] = Field(min_length=1)
    constraints: dict[str, Bound] = Field(default_factory=dict)
    search: Search = Search()
    scheduler: AnyScheduler = NoScheduler()
    replicates: Replicates = Replicates()
    budget: Budget = Budget()
    resources: Resources = Resources()
    checkpoints: Checkpoints = Checkpoints()

    @field_validator("name")
    @classmethod
    def _check_name(cls, name: str) -> str:
        """Return the name; raise ValueError if it cannot be that of a folder in the workspace."""
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
    def _check_goals(cls, goals: list[str]) -> list[str]:
        """Return the goals; raise ValueError if one occurs twice."""
        if len(set(goals)) < len(goals):
            raise ValueError(f"must be different metrics, but got {', '.join(goals)}")
        return goals

    @property
    def num_trials(self) -> int:
        """Number of trials that the sweep runs in all: its budget, or a grid's points times seeds."""
        if self.budget.trials:
            return self.budget.trials
        return self.search.sampler.num_points(self.trial) * self.replicates.seeds

    def trials(self) -> list[TrialConfig]:
        """Return validated trials that together hold every branch and both ends of every domain."""
        return list(_trials_in(json.dumps(self.trial)))

    def allows(self, values: Mapping[str, float]) -> bool:
        """Return whether a trial with these metrics, by name, keeps every constraint.

        `candidates` in analysis/record/sweep.py says the same of a table that was read from the record;
        a test of sweep/display/progress.py compares the two.
        """
        return all(bound.excess(values[name]) <= 0 for name, bound in self.constraints.items())

    def metrics(self) -> dict[str, Metric]:
        """Return name -> metric for the metrics that every trial reports, whatever is drawn."""
        metrics_by_trial = [{m.name: m for m in trial.metrics()} for trial in self.trials()]
        first, *others = metrics_by_trial
        return {name: metric for name, metric in first.items() if all(name in m for m in others)}


@lru_cache(maxsize=1)
def _trials_in(tree: str) -> tuple[TrialConfig, ...]:
    """Return the trials of a search space, given its tree as JSON; those of the last one are kept.

    Several parts of a command ask for them, and a large space has thousands.
    """
    found = corners(json.loads(tree))
    return tuple(TrialConfig.model_validate(corner.tree) for corner in found)
