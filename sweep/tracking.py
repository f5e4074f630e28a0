"""The only writer of MLflow: one parent run for the sweep, one child run for each trial.

The driver opens and closes the sweep and closes the trials; each worker opens its trial's run and
writes its metrics. A run is found by its tags before it is created, so nothing is recorded twice.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import urlopen

from filelock import FileLock

from sweep import space

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

    from sweep.ending import Ending
    from sweep.spec import SweepSpec
    from trainables.config import TrialConfig

PACKAGES = (
    "equipoise",
    "torch",
    "transformers",
    "deepspeed",
    "ray",
    "optuna",
    "mlflow",
    "datasets",
)
# MLflow's interface shows the charts of training runs first, and not those of chats with agents.
TRAINING = {"mlflow.experimentKind": "custom_model_development"}
RUN_STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED"}
MOST_A_REQUEST = 1000  # metrics: MLflow refuses more

DIGEST = "digest."  # before the name of a model or data set, in the tags of a sweep


class BadAddress(ValueError):
    """The address of a tracking server that must not be used as it is."""


class SweepExists(ValueError):
    """A sweep of this name is already in the record."""


@dataclass(frozen=True)
class Record:
    """Where a sweep is recorded; picklable, so that workers get it."""

    tracking_uri: str = field(repr=False)  # that of a database may hold a password
    experiment_id: str
    sweep: str
    run_id: str

    @property
    def _client(self) -> MlflowClient:
        return _connect(self.tracking_uri)

    def declare(self, spec: SweepSpec, text: str) -> None:
        """What reading the sweep later needs; saying it again changes nothing."""
        declarations = {
            "metrics": [metric.to_dict() for metric in spec.metrics().values()],
            "goals": spec.goals,
            "searched": space.swept(spec.trial),
            "constraints": {
                name: bound.model_dump(exclude_none=True)
                for name, bound in spec.constraints.items()
            },
        }
        self._client.log_dict(self.run_id, declarations, "declarations.json")
        self._client.log_text(self.run_id, text, "sweep.yaml")
        for name, value in _flat(spec.model_dump(mode="json", include={"search", "goals"})).items():
            self._client.log_param(self.run_id, name, value)

    def spec_text(self) -> str | None:
        """The spec as it was recorded, if it came that far."""
        if not any(
            entry.path == "sweep.yaml" for entry in self._client.list_artifacts(self.run_id)
        ):
            return None
        with tempfile.TemporaryDirectory() as folder:
            path = self._client.download_artifacts(self.run_id, "sweep.yaml", folder)
            return Path(path).read_text(encoding="utf-8")

    def digests(self) -> dict[str, str]:
        """sha256 of each model and data set, as the sweep began with them."""
        tags = self._client.get_run(self.run_id).data.tags
        return {k.removeprefix(DIGEST): v for k, v in tags.items() if k.startswith(DIGEST)}

    def open_trial(self, number: int, config: TrialConfig) -> tuple[str, int]:
        """The run of a trial, created unless there is one, and the last step recorded in it or −1.

        It is looked for each time: a trial that was interrupted, or whose node was taken away, is
        run again under its number.
        """
        run = self._find(number)
        if run is not None:
            run_id = str(run.info.run_id)
            self._client.update_run(run_id, status="RUNNING")
            for tag in ("sweep.failure", "sweep.state"):
                if tag in run.data.tags:
                    self._client.delete_tag(run_id, tag)
            history = self._client.get_metric_history(run_id, "progress")
            return run_id, max((entry.step for entry in history), default=-1)
        from mlflow.entities import Param

        tags = {
            "sweep.fingerprint": config.fingerprint(),
            "sweep.deepspeed": json.dumps(config.train.deepspeed()),
        }
        run_id = self._create(number, tags)
        params = [Param(name, str(value)) for name, value in config.flat().items()]
        self._client.log_batch(run_id, params=params)
        self._client.log_text(run_id, trial_yaml(config, self.sweep, number), "trial.yaml")
        return run_id, -1

    def log(self, run_id: str, step: int, metrics: Mapping[str, float]) -> None:
        """All metrics of a report, in as few requests as MLflow takes.

        The last of them has `progress`, by which a report counts as recorded.
        """
        from mlflow.entities import Metric as Entry

        now = time.time_ns() // 1_000_000
        names = sorted(metrics, key=lambda name: (name == "progress", name))
        entries = [Entry(name, metrics[name], now, step) for name in names]
        for first in range(0, len(entries), MOST_A_REQUEST):
            self._client.log_batch(run_id, metrics=entries[first : first + MOST_A_REQUEST])

    def log_base(self, metrics: Mapping[str, float], items: Path) -> None:
        """What was measured of the base model, on the sweep's own run; said again it is the same."""
        self.log(self.run_id, 0, metrics)
        if items.exists():
            self._client.log_artifact(self.run_id, str(items))

    def log_items(self, run_id: str, items: Path) -> None:
        """What was found item by item, so that two trials can be compared on the same items."""
        self._client.log_artifact(run_id, str(items))

    def log_model(self, run_id: str, folder: str) -> None:
        """A finished model, as the artifact folder `model`."""
        self._client.log_artifacts(run_id, folder, "model")

    def explain_failure(self, run_id: str, failure: str) -> None:
        self._client.set_tag(run_id, "sweep.failure", failure[:5000])

    def close_trial(self, ending: Ending) -> None:
        """Write how a trial ended; one that never got as far as a run of its own gets one."""
        run_id = ending.run_id
        if run_id is None:
            run = self._find(ending.number)
            run_id = run.info.run_id if run else self._create(ending.number, {})
            # What the worker said of it is nearer to the cause.
            if ending.failure and not (run and "sweep.failure" in run.data.tags):
                self.explain_failure(run_id, ending.failure)
        self._client.set_tag(run_id, "sweep.state", ending.state)
        self._client.set_terminated(run_id, RUN_STATUS[ending.state])

    def close(self, status: Literal["FINISHED", "FAILED", "KILLED"]) -> None:
        """The sweep has ended; trials that it leaves unfinished are marked as killed."""
        for run in self.trials():
            if run.info.status == "RUNNING":
                self._client.set_terminated(run.info.run_id, "KILLED")
        self._client.set_terminated(self.run_id, status)

    def reopen(self) -> None:
        """The sweep goes on."""
        self._client.update_run(self.run_id, status="RUNNING")

    def settle(self, endings: Iterable[Ending]) -> None:
        """Close every trial that has ended by the search's own memory and is not closed here.

        The search is told first and the record second, so a kill between the two leaves such ones.
        """
        runs = {int(run.data.tags["sweep.trial"]): run for run in self.trials()}
        for ending in endings:
            run = runs.get(ending.number)
            if run is None or run.data.tags.get("sweep.state") != ending.state:
                self.close_trial(ending)

    def trials(self) -> list[Run]:
        """The runs of all trials."""
        return _search(
            self._client, self.experiment_id, "trial", {"mlflow.parentRunId": self.run_id}
        )

    def _create(self, number: int, tags: Mapping[str, str]) -> str:
        run = self._client.create_run(
            self.experiment_id,
            tags={
                "mlflow.parentRunId": self.run_id,
                "sweep.role": "trial",
                "sweep.name": self.sweep,
                "sweep.trial": str(number),
                **tags,
            },
            run_name=f"{self.sweep}-{number:04}",
        )
        return str(run.info.run_id)

    def _find(self, number: int) -> Run | None:
        tags = {"mlflow.parentRunId": self.run_id, "sweep.trial": str(number)}
        return next(iter(_search(self._client, self.experiment_id, "trial", tags)), None)


def open_sweep(
    tracking_uri: str,
    spec: SweepSpec,
    text: str,
    digests: Mapping[str, str],
    artifacts: str | None = None,
) -> Record:
    """Create the sweep's experiment and parent run, with all that reading it later needs.

    Raises:
        SweepExists: there is a sweep of this name.
    """
    refuse_if_recorded(tracking_uri, spec.name)
    client = _connect(tracking_uri)
    experiment = client.get_experiment_by_name(spec.name)
    if experiment is None:
        experiment_id = client.create_experiment(
            spec.name, artifact_location=artifacts, tags=TRAINING
        )
    else:
        experiment_id = experiment.experiment_id
        if experiment.lifecycle_stage == "deleted":
            client.restore_experiment(experiment_id)
    tags = {
        "sweep.role": "sweep",
        "sweep.name": spec.name,
        **{f"version.{name}": _version(name) for name in PACKAGES},
        **{f"{DIGEST}{name}": value for name, value in digests.items()},
        **_commit(),
    }
    run = client.create_run(experiment_id, tags=tags, run_name=spec.name)
    record = Record(tracking_uri, experiment_id, spec.name, run.info.run_id)
    record.declare(spec, text)
    return record


def refuse_if_recorded(tracking_uri: str, name: str) -> None:
    """Raises SweepExists if there is a sweep of this name."""
    if find_sweep(tracking_uri, name) is not None:
        raise SweepExists(
            f"a sweep named {name!r} is already recorded: go on with it by `sweep resume {name}`, "
            f"give the spec another name, or delete the earlier one with `sweep run --replace`."
        )


def find_sweep(tracking_uri: str, name: str) -> Record | None:
    """The record of a sweep, if there is one of this name."""
    client = _connect(tracking_uri)
    experiment = client.get_experiment_by_name(name)
    if experiment is None or experiment.lifecycle_stage == "deleted":
        return None
    runs = _search(client, experiment.experiment_id, "sweep")
    return (
        Record(tracking_uri, experiment.experiment_id, name, runs[0].info.run_id) if runs else None
    )


def reach(tracking_uri: str) -> None:
    """Look whether the store can be used; a new file gets its tables, from one process alone.

    Raises:
        BadAddress: it cannot, and how to name one that can.
    """
    refuse_password(tracking_uri)
    scheme, _, rest = tracking_uri.partition("://")
    if scheme in ("http", "https"):
        # MLflow itself would try again for minutes.
        try:
            urlopen(f"{tracking_uri.rstrip('/')}/health", timeout=5).close()
        except HTTPError:
            pass  # somebody answers; what they say of it is for the client to understand
        except (OSError, ValueError) as error:
            raise BadAddress(
                f"the tracking server {tracking_uri} must be up, but does not answer "
                f"({getattr(error, 'reason', error)}): start it, or name another store."
            ) from error
        return
    if scheme == "sqlite" and set(rest) & set("%?#"):
        raise BadAddress(
            f"the path of the store must be without %, ? and #, which mean something else in the "
            f"address of a database, but got {rest}: set SWEEP_HOME to another folder."
        )
    if scheme.partition("+")[0] not in ("sqlite", "postgresql", "mysql", "mssql", "databricks"):
        raise BadAddress(
            f"the tracking URI must be http://HOST:PORT, sqlite:///FILE or another database, but "
            f"got {tracking_uri!r}."
        )
    file = Path(rest.removeprefix("/")) if scheme == "sqlite" else None
    try:
        with FileLock(f"{file}.lock") if file else nullcontext():
            _connect(tracking_uri).search_experiments(max_results=1)
    except Exception as error:  # of SQLAlchemy, of the driver of a database, of MLflow
        raise BadAddress(
            f"the store {_without_password(tracking_uri)} must be one that can be written, but: "
            f"{str(error).splitlines()[0]}."
        ) from error


def _without_password(uri: str) -> str:
    scheme, separator, rest = uri.partition("://")
    return scheme + separator + rest.rpartition("@")[2]


def refuse_password(tracking_uri: str) -> None:
    """A password in the address of a server would end up in error messages and so in the record.

    Raises:
        BadAddress: the address holds one.
    """
    parts = urlsplit(tracking_uri)
    if parts.scheme in ("http", "https") and "@" in parts.netloc:
        raise BadAddress(
            f"the tracking URI must hold no user name or password, but that of "
            f"{parts.hostname} does: set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or "
            f"write them into ~/.mlflow/credentials."
        )


def delete_sweep(tracking_uri: str, name: str) -> None:
    """Mark every run of a sweep as deleted; MLflow keeps them until `mlflow gc`."""
    record = find_sweep(tracking_uri, name)
    if record is not None:
        client = _connect(tracking_uri)
        for run_id in [*(run.info.run_id for run in record.trials()), record.run_id]:
            client.delete_run(run_id)


def trial_yaml(config: TrialConfig, sweep: str, number: int) -> str:
    """A trial as a file that `python -m trainables run` takes."""
    from io import StringIO

    from ruamel.yaml import YAML

    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    text = StringIO()
    text.write(f"# trial {number} of the sweep {sweep}\n")
    given = [config.model.path, config.alignment.data, config.replay.data if config.replay else ""]
    if any(Path(name).exists() and not Path(name).is_absolute() for name in given if name):
        text.write(f"# its relative paths are from {Path.cwd()}\n")
    yaml.dump(config.tree(), text)
    return text.getvalue()


@cache
def _connect(tracking_uri: str) -> MlflowClient:
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri)


def _search(
    client: MlflowClient, experiment_id: str, role: str, tags: Mapping[str, str] | None = None
) -> list[Run]:
    asked = {"sweep.role": role, **(tags or {})}
    where = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in asked.items())
    found: list[Run] = []
    token = None
    while True:
        page = client.search_runs([experiment_id], where, max_results=1000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


def _commit() -> dict[str, str]:
    """The commit of this project, where it is run from its repository."""
    here = str(Path(__file__).parent)
    asked = ["git", "-C", here, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*"]
    try:
        found = subprocess.run(asked, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": found.stdout.strip()}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            flat[prefix + key] = json.dumps(value) if isinstance(value, list) else str(value)
    return flat
