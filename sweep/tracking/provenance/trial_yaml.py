"""The configuration of a trial as a file that `python -m trainables run` takes."""

from __future__ import annotations

import shlex
from pathlib import Path

from analysis.record.names import TRIAL_COMMENT
from trainables.config import TrialConfig
from trainables.evaluators import Harness
from trainables.schema.plain_yaml import to_yaml


def trial_yaml(config: TrialConfig, sweep: str, number: int) -> str:
    """Return the configuration of a trial as YAML that `python -m trainables run` takes.

    sweep, number: name of the sweep and number of the trial, for a comment at the top.
    """
    comment = f"{TRIAL_COMMENT}{number} of the sweep {sweep}\n"
    names = [config.model.path, config.alignment.data, config.replay.data if config.replay else ""]
    if any(Path(name).exists() and not Path(name).is_absolute() for name in names if name):
        comment += f"# its relative paths are from {Path.cwd()}\n"
    folders = [e.own_folder() for e in config.evaluators if isinstance(e, Harness)]
    if folder := next(filter(None, folders), None):
        comment += f"# it needs --harness-tasks {shlex.quote(str(folder))}\n"
    return comment + to_yaml(config.tree())
