"""The only reader of MLflow: one sweep, as a table of its trials.

A sweep is one parent run in the experiment of its name, with the artifacts `declarations.json`
(metrics, goals, constraints) and `sweep.yaml`; each of its trials is a child run with parameters,
metrics and the artifact `trial.yaml`. MLflow is imported inside the functions, because that costs
seconds. Axes: N trials, M goals.
"""

from __future__ import annotations

import json
import math
import os
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis import pareto
from analysis.record_names import Artifact, Group, Role, Tag, having
from trainables.metric_names import (
    TRAINED,
    fused_alphas,
    fused_name,
    is_fused,
    other_candidates,
    plain_name,
)
from trainables.metrics import Metric
from trainables.yaml_text import from_yaml, to_yaml

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

RUNS_A_PAGE = 1000
MOST_SILENCE_S = 60.0  # of a driver that lives: it says so every quarter of it


class UnknownSweep(ValueError):
    """No sweep of this name is in the record."""


class Candidate(NamedTuple):
    """A trial's own model, or its weights at another α between the base model and the trained one."""

    trial: int
    alpha: float | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Candidate:
        """That a row of `Sweep.models` is about."""
        return cls(int(row["trial"]), None if pd.isna(row["alpha"]) else float(row["alpha"]))

    @classmethod
    def parse(cls, word: str) -> Candidate:
        """What `str` gives; raises ValueError for any other word.

        >>> str(Candidate.parse("7@0.25")), Candidate.parse("7")
        ('7@0.25', Candidate(trial=7, alpha=None))
        """
        trial, at, alpha = word.partition("@")
        if not trial.isdecimal():
            raise ValueError(f"{word!r} names no trial")
        return cls(int(trial), float(alpha) if at else None)

    def __str__(self) -> str:
        return f"{self.trial}" if self.alpha is None else f"{self.trial}@{self.alpha:g}"


@dataclass(frozen=True, eq=False)
class Sweep:
    """What MLflow remembers of one sweep, at the moment it was read.

    state:       running, paused, stopping or cancelling; finished, failed, stopped or cancelled; or
                 interrupted, which is what one is whose driver has not been heard of for a minute.
    num_trials:  how many it is to run (None: the record is an old one's); failed ones that are tried
                 again come on top.
    goals:       the metrics that are traded off, in the order of the spec.
    constraints: metric name -> {"min": …, "max": …} in the metric's unit; either may be absent.
    metrics:     every declared metric by name.
    params:      the columns of `trials` that are parameters (dotted names).
    searched:    what the spec says tells trials apart (dotted names).
    trials:      one row a trial, by number: trial, state (complete, failed, pruned, running),
                 failure (a sentence, or empty), run_id, seconds (NaN while it runs), then the
                 parameters (numbers where every value is one), then the metrics (NaN where none
                 was logged, and for infinity), and the standard error of each as se/NAME; what was
                 found at another α has names of its own (trainables/metric_names.py).
    base:        the base model's values by metric name, as the sweep's own run has them.
    commit:      of the code that ran it; empty where that was no repository.
    """

    name: str
    run_id: str
    state: str
    num_trials: int | None
    goals: list[Metric]
    constraints: dict[str, dict[str, float]]
    metrics: dict[str, Metric]
    params: list[str]
    searched: list[str]
    trials: pd.DataFrame
    base: dict[str, float]
    tracking_uri: str = field(repr=False)  # may carry a password
    commit: str = ""

    @cached_property
    def models(self) -> pd.DataFrame:
        """The trials, each of them followed by what was found at the other α of a complete one.

        Such a row has the trial's number, run_id and parameters (but for `fusion`, which is as in
        trial_yaml), its α as `alpha` (NaN for the trial itself), and under the plain names of metrics
        what was found there. There is none for 0, the base model, nor for the trial's own α.
        """
        names = [str(name) for name in self.trials]
        fused = [name for name in names if is_fused(name)]
        plain = self.trials.drop(columns=fused).assign(alpha=math.nan)
        complete = self.trials[self.trials["state"] == "complete"]
        tables = [plain]
        for alpha, source in other_candidates({name: name for name in names}).items():
            known = complete[list(set(source.values()) & set(fused))].notna().any(axis=1)
            there = complete[known & (complete.get("fusion.alpha", TRAINED) != alpha)]
            table = there[list(source.values())].set_axis(list(source), axis=1)
            given = {"alpha": alpha, "fusion.alpha": alpha, "fusion.also": math.nan}
            tables.append(table.assign(**given).reindex(columns=plain.columns))
        if len(tables) == 1:
            return plain
        joined = pd.concat(tables).astype(plain.dtypes.to_dict())
        return joined.sort_values(["trial", "alpha"], na_position="first", ignore_index=True)

    def candidates(self) -> pd.DataFrame:
        """The models of complete trials with every goal finite and within every constraint's bounds."""
        measured = self.measured()
        good = pd.Series(True, index=measured.index)
        for name, bounds in self.constraints.items():
            low, high = bounds.get("min"), bounds.get("max")
            good &= measured[name].between(
                -math.inf if low is None else low, math.inf if high is None else high
            )
        return measured[good]

    def measured(self) -> pd.DataFrame:
        """The models of complete trials with every goal finite."""
        models = self.models
        complete = models["state"] == "complete"
        return models[complete & models[self._goal_names].notna().all(axis=1)]

    def costs(self, trials: pd.DataFrame) -> NDArray[np.float64]:
        """costs_NM of these rows in the goals, each in its own unit; smaller is better."""
        return np.array(
            [[goal.cost(value) for value in trials[goal.name]] for goal in self.goals]
        ).T.reshape(len(trials), len(self.goals))

    def front(self) -> pd.DataFrame:
        """The candidates that no other candidate dominates, best in the first goal first."""
        candidates = self.candidates()
        costs_NM = self.costs(candidates)
        # The last key sorts first; equal costs stay in the order of their numbers.
        order = np.lexsort(costs_NM.T[::-1])
        return candidates.iloc[order[pareto.front(costs_NM)[order]]]

    def loses_to_base(self, row: Mapping[Any, Any]) -> bool:
        """Whether the base model is at least as good in every goal, and better in one."""
        pairs = [
            (goal.cost(self.base[goal.name]), goal.cost(row[goal.name]))
            for goal in self.goals
            if goal.name in self.base
        ]
        known = len(pairs) == len(self.goals)
        return known and all(b <= c for b, c in pairs) and any(b < c for b, c in pairs)

    def hypervolume(self) -> float:
        """Volume between the candidates and the goals' worst values: 1 for a perfect model.

        Without unit, see `pareto.share_costs`; above 1 only where an ideal was surpassed.
        """
        values_NM = self.candidates()[self._goal_names].to_numpy(float)
        return pareto.hypervolume(
            pareto.share_costs(values_NM, self.goals), reference=np.ones(len(self.goals))
        )

    @cached_property
    def swept(self) -> list[str]:
        """The parameters that tell trials apart, as the spec says; a part stands for its name."""
        return [p for p in self.params if {p, p.removesuffix(".name")} & set(self.searched)]

    @property
    def _goal_names(self) -> list[str]:
        return [goal.name for goal in self.goals]


def read_sweep(name: str, /, *, tracking_uri: str) -> Sweep:
    """Reads one sweep, finished or still running.

    Costs one request a thousand trials. Raises UnknownSweep where the
    record has no sweep of this name, and ValueError where there is no record at tracking_uri.
    """
    client = _client(tracking_uri)
    parent = _parent(client, name, tracking_uri)
    declared = _declarations(client, parent)
    metrics = {entry["name"]: Metric(**entry) for entry in declared["metrics"]}
    children = sorted(
        _runs(client, [parent.info.experiment_id], {Tag.PARENT: parent.info.run_id}),
        key=lambda run: int(run.data.tags[Tag.TRIAL]),
    )
    params, trials = _table(children, list(metrics))
    return Sweep(
        name=name,
        run_id=parent.info.run_id,
        state=_sweep_state(parent),
        num_trials=declared.get("num_trials"),
        goals=[metrics[goal] for goal in declared["goals"]],
        constraints=declared["constraints"],
        metrics=metrics,
        params=params,
        searched=declared["searched"],
        trials=trials,
        base={
            name: value
            for name, value in _measured(parent).items()
            if math.isfinite(_finite_or_nan(value)) and not is_fused(name)
        },
        tracking_uri=tracking_uri,
        commit=parent.data.tags.get(Tag.COMMIT, ""),
    )


def read_state(name: str, /, *, tracking_uri: str) -> str:
    """The state of a sweep alone, as `Sweep.state`; raises as read_sweep does."""
    return _sweep_state(_parent(_client(tracking_uri), name, tracking_uri))


def list_sweeps(*, tracking_uri: str) -> pd.DataFrame:
    """One row a sweep, newest first.

    Columns: name, state, then the number of trials that are complete, failed, pruned and running,
    then started (a time in UTC) and goals (a list of metric names). Raises ValueError where there
    is no record at tracking_uri.
    """
    client = _client(tracking_uri)
    parents = _parents(client)
    experiment_ids = sorted({run.info.experiment_id for run in parents})
    states: dict[str, list[str]] = {run.info.run_id: [] for run in parents}
    for run in _runs(client, experiment_ids, {Tag.ROLE: Role.TRIAL}):
        states.get(run.data.tags.get(Tag.PARENT, ""), []).append(_state(run))
    counted = ("complete", "failed", "pruned", "running")
    rows = [
        {
            "name": run.data.tags[Tag.NAME],
            "state": _sweep_state(run),
            **{state: states[run.info.run_id].count(state) for state in counted},
            "started": pd.Timestamp(run.info.start_time, unit="ms", tz="UTC"),
            "goals": _goals(client, run),
        }
        for run in reversed(parents)
    ]
    return pd.DataFrame(rows, columns=["name", "state", *counted, "started", "goals"])


def trial_yaml(sweep: Sweep, candidate: Candidate, /) -> str:
    """The exact configuration of one candidate; `python -m trainables run` runs it again.

    At another α it is the trial's, with that α for the only one. Raises ValueError for a number that
    is not a trial of this sweep.
    """
    run_id = _run_id(sweep, candidate.trial)
    text = _artifact(_client(sweep.tracking_uri), run_id, Artifact.TRIAL)
    if candidate.alpha is None:
        return text
    head = [*takewhile(lambda line: line.startswith("#"), text.splitlines())]
    head.append(
        f"# with its weights at α = {candidate.alpha:g} between the base and what it trained"
    )
    config = from_yaml(text) | {"fusion": {"alpha": candidate.alpha}}
    return "".join(f"{line}\n" for line in head) + to_yaml(config)


def _run_id(sweep: Sweep, trial: int) -> str:
    run_ids = dict(zip(sweep.trials["trial"], sweep.trials["run_id"], strict=True))
    if trial not in run_ids:
        raise ValueError(
            f"sweep {sweep.name} has no trial {trial}; its trials are "
            f"{min(run_ids)} to {max(run_ids)}."
            if run_ids
            else f"sweep {sweep.name} has no trials yet, so no trial {trial}."
        )
    return str(run_ids[trial])


def _client(tracking_uri: str) -> MlflowClient:
    _refuse_absent_file(tracking_uri)
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=tracking_uri)


def _refuse_absent_file(tracking_uri: str) -> None:
    # MLflow creates the file, or its tables in a database of something else: a reader must not.
    scheme, _, path = tracking_uri.partition(":///")
    if scheme.partition("+")[0] != "sqlite":
        return
    path = path.partition("?")[0]
    if not Path(path).is_file():
        raise ValueError(
            f"there is no MLflow record at {tracking_uri}: the file does not exist; name the store "
            "that the sweep wrote to, such as sqlite:///mlflow.db or the address of a server."
        )
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    try:
        tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
    except sqlite3.DatabaseError as error:
        raise ValueError(f"{tracking_uri} cannot be read as an MLflow record: {error}.") from error
    finally:
        connection.close()
    if ("experiments",) not in tables:
        raise ValueError(
            f"there is no MLflow record at {tracking_uri}: it has no table of experiments."
        )


def _pages(search: Callable[[str | None], Any]) -> Iterator[Any]:
    token: str | None = None
    while True:
        page = search(token)
        yield from page
        token = page.token
        if not token:
            return


def _runs(
    client: MlflowClient, experiment_ids: list[str], tags: Mapping[str, str]
) -> Iterator[Run]:
    """Yield the runs of these experiments that have these tags, oldest first."""
    if not experiment_ids:
        return iter(())
    return _pages(
        lambda token: client.search_runs(
            experiment_ids,
            filter_string=having(tags),
            max_results=RUNS_A_PAGE,
            order_by=["attributes.start_time ASC"],
            page_token=token,
        )
    )


def _parents(client: MlflowClient) -> list[Run]:
    experiments = _pages(lambda token: client.search_experiments(page_token=token))
    experiment_ids = [experiment.experiment_id for experiment in experiments]
    return list(_runs(client, experiment_ids, {Tag.ROLE: Role.SWEEP}))


def _parent(client: MlflowClient, name: str, tracking_uri: str) -> Run:
    """The run of a sweep itself."""
    experiment = client.get_experiment_by_name(name)
    of_it = [] if experiment is None else [experiment.experiment_id]
    parents = list(_runs(client, of_it, {Tag.ROLE: Role.SWEEP}))
    if not parents:
        known = sorted({run.data.tags[Tag.NAME] for run in _parents(client)})
        raise UnknownSweep(
            f"{_without_password(tracking_uri)} has no sweep named {name!r}; "
            + (f"it has {', '.join(known)}." if known else "it has no sweeps yet.")
        )
    return parents[-1]


def _artifact(client: MlflowClient, run_id: str, path: str) -> str:
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")  # one bar for each file
    with tempfile.TemporaryDirectory() as folder:
        # Bytes, not text: what is written out again must be what was stored, line ends included.
        return Path(client.download_artifacts(run_id, path, folder)).read_bytes().decode()


def _declarations(client: MlflowClient, parent: Run) -> Any:
    from mlflow.exceptions import MlflowException

    try:
        return json.loads(_artifact(client, parent.info.run_id, Artifact.DECLARATIONS))
    except MlflowException as error:
        raise ValueError(
            f"sweep {parent.data.tags[Tag.NAME]} has no {Artifact.DECLARATIONS} in its run "
            f"{parent.info.run_id}: it has only just begun, or its writer died; try again, "
            "or start it again."
        ) from error


def _goals(client: MlflowClient, parent: Run) -> list[str]:
    try:
        return list(_declarations(client, parent)["goals"])
    except ValueError:
        return []  # one sweep whose writer died must not hide the others


def _sweep_state(run: Run) -> str:
    tags = run.data.tags
    if run.info.status != "RUNNING":
        return str(tags.get(Tag.STATE, run.info.status.lower()))
    heard = tags.get(Tag.ALIVE, run.info.start_time)
    if time.time() - int(heard) / 1000 > MOST_SILENCE_S:
        return "interrupted"
    asked = {"pause": "paused", "stop": "stopping", "cancel": "cancelling"}
    return asked.get(tags.get(Tag.ASKED, ""), "running")


def _state(run: Run) -> str:
    # The tag is set when a trial ends; until then MLflow's own word is the truth.
    return str(run.data.tags.get(Tag.STATE, run.info.status.lower()))


def _table(children: list[Run], declared: list[str]) -> tuple[list[str], pd.DataFrame]:
    params = sorted({name for run in children for name in run.data.params})
    logged = sorted({name for run in children for name in _measured(run)})
    metrics = list(dict.fromkeys([*declared, *logged]))
    rows = [
        {
            "trial": int(run.data.tags[Tag.TRIAL]),
            "state": _state(run),
            "failure": run.data.tags.get(Tag.REASON, ""),
            "run_id": run.info.run_id,
            "seconds": math.nan
            if run.info.end_time is None
            else (run.info.end_time - run.info.start_time) / 1000,
            **run.data.params,
            **{name: _finite_or_nan(value) for name, value in _measured(run).items()},
        }
        for run in children
    ]
    columns = ["trial", "state", "failure", "run_id", "seconds", *params, *metrics]
    trials = pd.DataFrame(rows, columns=columns)
    for name in params:
        trials[name] = _numbers_if_all_are(trials[name])
    return params, trials.astype(dict.fromkeys(["seconds", *metrics], float) | {"trial": int})


def _measured(run: Run) -> dict[str, float]:
    """What was measured of a model, and not of the machine or of the sweep as a whole."""
    return {
        k: v for k, v in run.data.metrics.items() if not k.startswith((Group.SYSTEM, Group.FRONT))
    }


def _numbers_if_all_are(texts: pd.Series) -> pd.Series:
    # By column: what is a number in one row and a word in another cannot be compared.
    try:
        numbers = pd.to_numeric(texts)
    except ValueError:
        return texts
    return numbers if np.isfinite(numbers.dropna()).all() else texts


def _finite_or_nan(value: float) -> float:
    # SQL stores of MLflow turn infinity into the largest float.
    return value if abs(value) < sys.float_info.max else math.nan


def items(sweep: Sweep, candidate: Candidate | None, /) -> pd.DataFrame:
    """What was found item by item, of one candidate or (None) of the base model.

    Columns: metric, value, item, cluster, outcome, influence; see trainables/estimate.py. Metrics
    have their plain names, whatever the α. Raises ValueError for a trial that is none of this
    sweep's, has kept no items, or was not measured at this α.
    """
    run_id = sweep.run_id if candidate is None else _run_id(sweep, candidate.trial)
    client = _client(sweep.tracking_uri)
    if not any(entry.path == Artifact.ITEMS for entry in client.list_artifacts(run_id)):
        who = "the base model" if candidate is None else f"trial {candidate}"
        raise ValueError(
            f"sweep {sweep.name} has no items of {who}: only what was measured to its end has them."
        )
    with tempfile.TemporaryDirectory() as folder:
        kept = pd.read_parquet(client.download_artifacts(run_id, Artifact.ITEMS, folder))
    names = [str(name) for name in kept["metric"].unique()]
    if candidate is None or candidate.alpha is None:
        return kept[~kept["metric"].isin([name for name in names if is_fused(name)])]
    plain = {name: plain_name(name) for name in names}
    at_alpha = [name for name in names if name == fused_name(plain[name], candidate.alpha)]
    there = kept[kept["metric"].isin(at_alpha)]
    if there.empty:
        alphas = ", ".join(f"{alpha:g}" for alpha in fused_alphas(names))
        raise ValueError(
            f"sweep {sweep.name} has no items of {candidate}: beside its own α, trial "
            f"{candidate.trial} was measured at {alphas or 'none'}."
        )
    return there.assign(metric=there["metric"].map(plain).astype(kept["metric"].dtype))


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    rest = re.sub(r"(password=)[^&]*", r"\1***", rest)
    return (
        scheme + separator + rest.rpartition("@")[2] if "@" in rest else scheme + separator + rest
    )
