"""Where a sweep writes: everything lies under one folder, ./sweeps or $SWEEP_HOME.

mlflow.db  artifacts/            the tracking store of all sweeps, unless another is named
NAME/sweep.yaml                  the spec, as it was typed
NAME/search.journal              the search's memory (Optuna)
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


def remember(name: str, spec_text: str, tracking_uri: str) -> None:
    """What `sweep resume` needs, written before anything is recorded."""
    (folder(name) / "sweep.yaml").write_text(spec_text, encoding="utf-8")
    elsewhere = folder(name) / "tracking_uri"
    # That of a database may hold a password, which is not for files.
    if tracking_uri != local_tracking_uri() and tracking_uri.startswith(("http", "sqlite")):
        elsewhere.write_text(tracking_uri, encoding="utf-8")
    else:
        elsewhere.unlink(missing_ok=True)


def tracking_uri(name: str) -> str:
    """Where a sweep that was run here is recorded."""
    elsewhere = folder(name) / "tracking_uri"
    if elsewhere.is_file():
        return elsewhere.read_text(encoding="utf-8").strip()
    return local_tracking_uri()
