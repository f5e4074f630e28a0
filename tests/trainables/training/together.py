"""Run trials in a group of processes, for tests: one process after the other makes each trial's part.

python -m tests.trainables.training.together FOLDER      (one process of a group, started by `together`)
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tests.trainables.conftest import ROOT
from trainables.config import TrialConfig

LIMIT_S = 500


@dataclass(frozen=True)
class Outcome:
    """What came of a trial in a group.

    curve:   step -> name -> number, as in Report.training, of all steps.
    metrics: of the last report, by name.
    weights: name -> weight of the finished model.
    folders: the checkpoints, one for each report.
    error:   the message of the exception that ended the trial; empty if there was none.
    """

    curve: dict[str, dict[str, float]]
    metrics: dict[str, float]
    weights: dict[str, torch.Tensor]
    folders: list[Path]
    error: str = ""


def together(
    folder: Path, size: int, trees: Iterable[dict[str, Any]], resume_from: Sequence[Path] = ()
) -> list[Outcome]:
    """Return what comes of trials, one after the other, in one group of `size` processes.

    folder: for the files of the group; it is made.
    resume_from: the checkpoint of each trial to go on from; none to begin them all.
    """
    folder.mkdir(parents=True)
    trials = [
        {"tree": tree, "resume_from": str(resume_from[n]) if resume_from else None}
        for n, tree in enumerate(trees)
    ]
    (folder / "trials.json").write_text(json.dumps(trials))
    store = torch.distributed.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    group = {
        "WORLD_SIZE": str(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(store.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT),
    }  # fmt: skip
    command = [sys.executable, "-m", "tests.trainables.training.together", str(folder)]
    processes = []
    for rank in range(size):
        environment = os.environ | group | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        with (folder / f"{rank}.log").open("w") as log:
            processes.append(
                subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
            )
    try:
        for rank, process in enumerate(processes):
            status = process.wait(LIMIT_S)
            assert status == 0, (folder / f"{rank}.log").read_text()[-3000:]
    finally:
        for process in processes:
            process.kill()  # one may wait for another that has died
    return [_outcome(folder / str(number)) for number in range(len(trials))]


def _outcome(folder: Path) -> Outcome:
    """Return what the first process has written of a trial."""
    from safetensors.torch import load_file

    written = json.loads((folder / "outcome.json").read_text())
    file = folder / "model" / "model.safetensors"
    weights = load_file(file) if file.exists() else {}
    folders = sorted(folder.glob("state-*"))
    return Outcome(written["curve"], written["metrics"], weights, folders, written["error"])


def _run(folder: Path) -> None:
    """Run every trial of a folder as one process of a group."""
    from trainables.training.ranks import joined
    from trainables.trial import run_trial

    rank = joined().rank if int(os.environ["WORLD_SIZE"]) > 1 else 0
    for number, trial in enumerate(json.loads((folder / "trials.json").read_text())):
        place = folder / str(number)
        config = TrialConfig.model_validate(trial["tree"])
        resume_from = trial["resume_from"] and Path(trial["resume_from"])
        curve: dict[int, dict[str, float]] = {}
        metrics: dict[str, float] = {}
        error = ""
        try:
            for report in run_trial(config, resume_from=resume_from):
                curve |= report.training
                metrics = report.metrics
                if report.step:
                    report.save_state(place / f"state-{report.step:03}")
                if report.progress == 1:
                    report.save_model(place / "model")
        except ValueError as raised:
            error = str(raised)
        if rank == 0:
            place.mkdir(exist_ok=True)
            outcome = {"curve": curve, "metrics": metrics, "error": error}
            (place / "outcome.json").write_text(json.dumps(outcome))


if __name__ == "__main__":
    _run(Path(sys.argv[1]))
