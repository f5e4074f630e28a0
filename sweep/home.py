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
