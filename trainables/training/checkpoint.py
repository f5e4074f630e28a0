"""The files of a training checkpoint: save, delete, refuse, load.

trial.json             the configuration of the trial
resume.json            {"step": number of optimiser steps made}
optimiser.safetensors  "master NAME", "exp_avg NAME" and "exp_avg_sq NAME", fp32, of each weight that
                       is trained

Frozen weights are the base's, so they are not saved. A checkpoint depends neither on the ZeRO stage
nor on the number of processes. It is JSON and safetensors only, so that reading it runs no code of it.
Other files in the folder are left alone.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from trainables.schema.faults import fault_sentences
from trainables.schema.plain_json import from_json
from trainables.training.optimiser_state import KINDS
from trainables.training.unusable import UnusableCheckpoint

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.training.engine import Engine

CONFIG_FILE = "trial.json"
STEP_FILE = "resume.json"
STATE_FILE = "optimiser.safetensors"
FILES = (CONFIG_FILE, STEP_FILE, STATE_FILE)

Content = TypeVar("Content")


def save(folder: Path, config: TrialConfig, engine: Engine) -> None:
    """Write the configuration, the step and the optimiser's state into a folder, making the folder.

    Of several processes that train one model each must call it, and the first writes.
    """
    from safetensors.torch import save_file

    state = engine.state.read()
    if not engine.ranks.is_first:
        return
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {
        f"{kind} {name}": value.contiguous()
        for name, kinds in state.items()
        for kind, value in kinds.items()
    }
    save_file(tensors, folder / STATE_FILE)
    (folder / STEP_FILE).write_text(json.dumps({"step": engine.steps}))
    (folder / CONFIG_FILE).write_text(config.model_dump_json(indent=1), encoding="utf-8")


def delete(folder: Path) -> None:
    """Delete the files that `save` wrote into a folder, if it has them all; leave all others alone."""
    files = [folder / name for name in FILES]
    if all(file.is_file() for file in files):
        for file in files:
            file.unlink()


def refuse_another_trial(folder: Path, config: TrialConfig) -> None:
    """Raise unless the folder is a checkpoint of this configuration; no weight is read.

    Measuring may differ, and how the work of a step is divided. So may `steps` with a constant
    schedule, no warm-up and no replay, since neither a learning rate nor the place of a replayed text
    depends on it then.

    Raises:
        UnusableCheckpoint: a file is missing, or the checkpoint is of another trial or a later step.
    """
    saved_config = _read(folder, CONFIG_FILE, _config)
    ignored_train: dict[str, Any] = {
        "report_every": 0, "accumulation": 0, "zero_stage": 0, "offload": "none",
        "stop_after": None,
    }  # fmt: skip
    has_replay = config.replay is not None and config.replay.ratio > 0
    if config.train.schedule == "constant" and not config.train.warmup and not has_replay:
        ignored_train |= {"steps": 0}
    ignored: dict[str, Any] = {"evaluators": [], "guard": {}, "fusion": {}}
    tree, saved_tree = (
        {**tree, **ignored, "train": tree["train"] | ignored_train}
        for tree in (config.tree(), saved_config.tree())
    )
    differing_keys = [key for key, value in tree.items() if saved_tree[key] != value]
    if differing_keys:
        raise UnusableCheckpoint(
            f"{folder} must be a checkpoint of this very trial, but its {', '.join(differing_keys)} "
            f"differ: resume with the configuration in {folder / CONFIG_FILE}."
        )
    if (step := _read(folder, STEP_FILE, _step)) > config.train.last_step:
        key = "steps" if config.train.stop_after is None else "stop_after"
        raise UnusableCheckpoint(
            f"train.{key} must be at least the {step} that {folder} has made, "
            f"but got {config.train.last_step}."
        )
    if not (folder / STATE_FILE).is_file():
        raise UnusableCheckpoint(_lack_sentence(folder, STATE_FILE))


def load(folder: Path, engine: Engine) -> None:
    """Set an engine's step, weights and moments to those that `save` wrote into a folder.

    Raises:
        UnusableCheckpoint: a file is missing or damaged, or lacks a weight that the engine trains.
    """
    from safetensors.torch import load_file

    step = _read(folder, STEP_FILE, _step)
    tensors = _read(folder, STATE_FILE, load_file)
    try:
        state = {
            name: {kind: tensors[f"{kind} {name}"] for kind in KINDS}
            for name in engine.state.weights
        }
    except KeyError as error:
        raise UnusableCheckpoint(_lack_sentence(folder, error.args[0])) from error
    engine.resume(step, state)


def _config(path: Path) -> TrialConfig:
    """Return the configuration in a JSON file; a key that it lacks has its default.

    Raises:
        ValueError: it is the configuration of no trial.
    """
    from trainables.config import TrialConfig

    tree = _json(path)
    try:
        return TrialConfig.model_validate(tree)
    except ValidationError as error:
        raise ValueError(" ".join(fault_sentences(error, TrialConfig, tree))) from error


def _step(path: Path) -> int:
    """Return the number of steps in a JSON file; raise ValueError if it holds none."""
    tree = _json(path)
    step = tree.get("step") if isinstance(tree, dict) else None
    if not isinstance(step, int) or step < 0:
        raise ValueError("it has no number of steps")
    return step


def _json(path: Path) -> Any:
    """Return the value in a JSON file."""
    return from_json(path.read_text(encoding="utf-8"))


def _read(folder: Path, name: str, read: Callable[[Path], Content]) -> Content:
    """Return `read(path)` of one file of a checkpoint.

    Raises:
        UnusableCheckpoint: the file is missing or damaged.
    """
    from safetensors import SafetensorError

    try:
        return read(folder / name)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UnusableCheckpoint(_lack_sentence(folder, name)) from error
    except (SafetensorError, ValueError, RecursionError) as error:
        raise UnusableCheckpoint(
            f"{folder / name} must be as a trial saved it, but cannot be read ({error}): "
            f"resume from another checkpoint, or start anew."
        ) from error


def _lack_sentence(folder: Path, name: str) -> str:
    """Return the message for a checkpoint without the file or tensor of this name."""
    hint = ": `python -m trainables run --save FOLDER --save-state` writes it" * (name in FILES)
    return f"{folder} must be a checkpoint of this model saved by a trial, but lacks {name}{hint}."
