"""Where a sweep writes: everything lies under one folder, ./sweeps or $SWEEP_HOME.

mlflow.db  artifacts/            the tracking store of all sweeps, unless another is named
NAME/sweep.yaml                  the spec, as it was typed
NAME/started_in                  the folder that its relative paths are meant from
NAME/search.journal              the search's memory (Optuna)
NAME/record/                     what is to be recorded, until MLflow has it (sweep/outbox.py)
NAME/ray/  NAME/checkpoints/     what Ray Tune keeps; where interrupted trials go on from
"""

import os
from pathlib import Path


def home() -> Path:
    return Path(os.environ.get("SWEEP_HOME", "sweeps")).expanduser().resolve()


def folder(name: str) -> Path:
    """Of one sweep; it need not exist yet."""
    return home() / name


def local_tracking_uri() -> str:
    """The store that a laptop needs no server for."""
    return f"sqlite:///{home() / 'mlflow.db'}"


def artifacts(tracking_uri: str, name: str) -> str | None:
    """Where the artifacts of a sweep go: beside a database file; a server has a place of its own."""
    if not tracking_uri.startswith("sqlite:///"):
        return None
    return str(Path(tracking_uri.removeprefix("sqlite:///")).parent / "artifacts" / name)


def remember(name: str, spec_text: str, tracking_uri: str) -> None:
    """What `sweep resume` needs, written before anything is recorded."""
    (folder(name) / "sweep.yaml").write_text(spec_text, encoding="utf-8")
    (folder(name) / "started_in").write_text(str(Path.cwd()), encoding="utf-8")
    elsewhere = folder(name) / "tracking_uri"
    # That of a database may hold a password, which is not for files.
    if tracking_uri != local_tracking_uri() and tracking_uri.startswith(("http", "sqlite")):
        elsewhere.write_text(tracking_uri, encoding="utf-8")
    else:
        elsewhere.unlink(missing_ok=True)


def started_in(name: str) -> Path:
    """The folder in which a sweep was started, as long as it is there."""
    kept = folder(name) / "started_in"
    there = Path(kept.read_text(encoding="utf-8")) if kept.is_file() else Path.cwd()
    return there if there.is_dir() else Path.cwd()


def tracking_uri(name: str) -> str:
    """Where a sweep that was run here is recorded."""
    elsewhere = folder(name) / "tracking_uri"
    if elsewhere.is_file():
        return elsewhere.read_text(encoding="utf-8").strip()
    return local_tracking_uri()
