"""The files of a training checkpoint: save, refuse, load.

trial.json             the configuration of the trial
resume.json            {"step": optimiser steps made}
optimiser.safetensors  "master NAME", "exp_avg NAME" and "exp_avg_sq NAME", fp32, of each weight that
                       is trained

Frozen weights are the base's, so they are not kept. A checkpoint depends neither on the ZeRO stage
nor on the number of processes. All of it is JSON and safetensors: whoever opens one runs no code of
it. Other files in the folder are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from trainables.training.optimiser_state import KINDS

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.training.engine import Engine

RECIPE = "trial.json"
STEP = "resume.json"
STATE = "optimiser.safetensors"

Content = TypeVar("Content")


def save(folder: Path, config: TrialConfig, engine: Engine) -> None:
    """Write all that resuming the trial of `config` needs into a folder, which is made if need be."""
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{kind} {name}": value.contiguous()
        for name, kinds in engine.state.read().items()
        for kind, value in kinds.items()
    }
    save_file(tensors, folder / STATE)
    (folder / STEP).write_text(json.dumps({"step": engine.steps}))
    (folder / RECIPE).write_text(config.model_dump_json(indent=1), encoding="utf-8")


def refuse_another_trial(folder: Path, config: TrialConfig) -> None:
    """Raise unless the folder is a checkpoint of this configuration; no weight is read.

    Measuring may differ. So may `steps` with a constant schedule, no warm-up and no replay, since
    neither a learning rate nor the place of a replayed text depends on it then.

    Raises:
        ValueError: a file is missing, or the checkpoint is of another trial or a later step.
    """
    began_tree = _read(folder, RECIPE, _json)
    free = {"report_every": 0}
    replayed = config.replay is not None and config.replay.ratio > 0
    if config.train.schedule == "constant" and not config.train.warmup and not replayed:
        free |= {"steps": 0}
    now, began = (
        {**tree, "train": tree["train"] | free, "evaluators": [], "guard": {}, "fusion": {}}
        for tree in (config.tree(), began_tree)
    )
    others = [key for key, value in now.items() if began.get(key) != value]
    if others:
        raise ValueError(
            f"{folder} must be a checkpoint of this very trial, but its {', '.join(others)} differ: "
            f"resume with the configuration in {folder / RECIPE}."
        )
    if (step := _read(folder, STEP, _json)["step"]) > config.train.steps:
        raise ValueError(
            f"train.steps must be at least the {step} that {folder} has made, "
            f"but got {config.train.steps}."
        )
    if not (folder / STATE).is_file():
        raise ValueError(_lacks(folder, STATE))


def load(folder: Path, engine: Engine) -> None:
    """Bring an engine to where it was when `save` was called.

    Raises:
        ValueError: the folder is no checkpoint of the weights that the engine trains.
    """
    from safetensors.torch import load_file

    step: int = _read(folder, STEP, _json)["step"]
    tensors = _read(folder, STATE, load_file)
    try:
        state = {
            name: {kind: tensors[f"{kind} {name}"] for kind in KINDS}
            for name in engine.state.weights
        }
    except KeyError as error:
        raise ValueError(_lacks(folder, error.args[0])) from error
    engine.resume(step, state)


def _json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def _read(folder: Path, name: str, read: Callable[[Path], Content]) -> Content:
    """Return what is in a file of a checkpoint, or raise ValueError with one sentence."""
    from safetensors import SafetensorError

    try:
        return read(folder / name)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ValueError(_lacks(folder, name)) from error
    except (SafetensorError, ValueError) as error:  # cut off, or not ours
        raise ValueError(
            f"{folder / name} must be as a trial saved it, but cannot be read ({error}): "
            f"resume from another checkpoint, or start anew."
        ) from error


def _lacks(folder: Path, what: str) -> str:
    return f"{folder} must be a checkpoint of this model saved by a trial, but lacks {what}."
