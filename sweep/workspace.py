"""Where a sweep writes: everything lies under one folder, ./sweeps or $SWEEP_HOME.

mlflow.db  artifacts/            the tracking store of all sweeps, unless another is named
NAME/sweep.yaml                  the spec, as it was typed
NAME/started_in                  the folder that its relative paths are meant from
NAME/search.journal              the search's memory (Optuna), unless a database is named
NAME/tracking_uri  NAME/storage  NAME/kept_at    what else is named: of MLflow, Optuna, checkpoints
NAME/record/                     what is to be recorded, until MLflow has it (sweep/tracking/outbox.py)
NAME/ray/  NAME/checkpoints/     what Ray Tune keeps; where interrupted trials go on from
"""

import os
from pathlib import Path

from sweep.tracking.addresses import HIDDEN, without_password


def home() -> Path:
    return Path(os.environ.get("SWEEP_HOME") or "sweeps").expanduser().resolve()


def folder(name: str) -> Path:
    """Of one sweep; it need not exist yet."""
    return home() / name


def local_tracking_uri() -> str:
    """The store that a laptop needs no server for."""
    return f"sqlite:///{home() / 'mlflow.db'}"


def artifacts(tracking_uri: str, name: str) -> str | None:
    """Where the artifacts of a sweep go: beside a database file, here for a database; a server has a
    place of its own.
    """
    if tracking_uri.startswith("sqlite:///"):
        return str(Path(tracking_uri.removeprefix("sqlite:///")).parent / "artifacts" / name)
    return None if tracking_uri.startswith(("http", "databricks")) else f"{home()}/artifacts/{name}"


def journal(name: str) -> Path:
    """Where the search of a sweep is remembered, unless a database is named."""
    return folder(name) / "search.journal"


def remember(
    name: str, spec_text: str, tracking_uri: str, storage: Path | str, kept_at: str | None
) -> None:
    """What `sweep resume` needs, written before anything is recorded; passwords are not for files."""
    (folder(name) / "sweep.yaml").write_text(spec_text, encoding="utf-8")
    (folder(name) / "started_in").write_text(str(Path.cwd()), encoding="utf-8")
    _keep(name, "tracking_uri", tracking_uri if tracking_uri != local_tracking_uri() else None)
    _keep(name, "storage", storage if isinstance(storage, str) else None)
    keep_at(name, kept_at)


def keep_at(name: str, kept_at: str | None) -> None:
    _keep(name, "kept_at", kept_at)


def _keep(name: str, what: str, address: str | None) -> None:
    file = folder(name) / what
    if address is None:
        file.unlink(missing_ok=True)
        return
    shown = without_password(address)
    file.write_text(shown if HIDDEN in shown else address, encoding="utf-8")


def _kept(name: str, what: str) -> str | None:
    file = folder(name) / what
    return file.read_text(encoding="utf-8").strip() if file.is_file() else None


def started_in(name: str) -> Path:
    """The folder in which a sweep was started, as long as it is there."""
    kept = folder(name) / "started_in"
    there = Path(kept.read_text(encoding="utf-8")) if kept.is_file() else Path.cwd()
    return there if there.is_dir() else Path.cwd()


def tracking_uri(name: str) -> str:
    """Where a sweep that was run here is recorded; a password in it is hidden."""
    return _kept(name, "tracking_uri") or local_tracking_uri()


def storage(name: str) -> Path | str:
    """Where the search of a sweep that was run here is remembered; a password in it is hidden."""
    return _kept(name, "storage") or journal(name)


def kept_at(name: str) -> str | None:
    """Where the checkpoints and models of a sweep lie, if not in its folder."""
    return _kept(name, "kept_at")
