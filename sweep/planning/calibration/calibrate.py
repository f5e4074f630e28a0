"""Calibrate: measure a few steps and one evaluation in processes of their own, as workers would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from datetime import date
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from sweep.planning.calibration.kept import (
    VERSION,
    Calibration,
    MeasuredEvaluation,
    MeasuredStep,
)
from sweep.planning.work.trial_work import TrialWork, kinds_of, work_of
from trainables.schema.text.masking import masked

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sweep.planning.work.shapes import ModelShape
    from trainables.config import TrialConfig

MAX_TRIALS = 24  # whose steps are timed
MAX_PROCESSES = 16
ROOT = Path(__file__).parents[3]


class CannotCalibrate(RuntimeError):
    """A process that measures has failed; the message is a sentence."""


def trials_to_measure(trials: Iterable[TrialConfig]) -> list[TrialConfig]:
    """Return trials that together have every objective, regulariser and parameters, at most MAX_TRIALS.

    trials: those of a spec, of every branch.
    """
    seen: set[tuple[int, str]] = set()
    chosen: list[TrialConfig] = []
    for trial in trials:
        parts = set(enumerate(kinds_of(trial)))
        if parts - seen and len(chosen) < MAX_TRIALS:
            seen |= parts
            chosen.append(trial)
    return chosen


def calibrate(
    trials: Sequence[TrialConfig],
    shape: ModelShape,
    *,
    at_once: int,
    num_cores: int,
    gpus_per_trial: float,
) -> Calibration:
    """Return what these trials take on this machine, `at_once` of them at the same time.

    As many processes are measured together as the sweep runs here, as they share the machine's memory.

    Args:
        trials: of `trials_to_measure`.
        shape: of their model.
        num_cores: on which a trial computes, as Ray reserves them.
        gpus_per_trial: share of an accelerator that a trial has; 0 for none.

    Raises:
        CannotCalibrate: a trial cannot be run here.
    """
    num_processes = max(1, min(at_once, MAX_PROCESSES))
    answers = []
    with tempfile.TemporaryDirectory(prefix="equipoise-plan-") as folder:
        running: list[tuple[subprocess.Popen[bytes], Path]] = []
        try:
            for number in range(num_processes):
                device = str(int(number * gpus_per_trial)) if gpus_per_trial else ""
                running.append(_started(trials, Path(folder), number, num_cores, device))
            answers = [_answer(process, place) for process, place in running]
        finally:
            for process, _ in running:
                with suppress(ProcessLookupError):
                    process.kill()
                process.wait()
    return _joined(answers, [work_of(trial, shape) for trial in trials], trials[0], num_processes)


def _started(
    trials: Sequence[TrialConfig], folder: Path, number: int, num_cores: int, gpu: str
) -> tuple[subprocess.Popen[bytes], Path]:
    """Return a process that measures, on the GPU of this number if any, and its file of the answer."""
    request, answer, log = (folder / f"{number}.{kind}" for kind in ("request", "answer", "log"))
    tree = {
        "trials": [trial.tree() for trial in trials],
        "spawned": time.time(),
        "evaluates_first": number % 2 == 0,
    }
    request.write_text(json.dumps(tree), encoding="utf-8")
    environment = os.environ | {
        "OMP_NUM_THREADS": str(num_cores),  # as Ray sets it for a worker
        "CUDA_VISIBLE_DEVICES": gpu,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")])),
    }
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "sweep.planning.calibration.measuring",
                str(request),
                str(answer),
            ],
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=stream,
            env=environment,
        )
    return process, answer


def _answer(process: subprocess.Popen[bytes], answer: Path) -> dict[str, Any]:
    """Return what a process has measured, once it has ended.

    Raises:
        CannotCalibrate: it has failed.
    """
    if process.wait() == 0:
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found
    lines = answer.with_suffix(".log").read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "it gave no reason")
    raise CannotCalibrate(f"a trial of this spec cannot be measured here: {masked(last.strip())}")


def _joined(
    answers: Sequence[dict[str, Any]],
    works: Sequence[TrialWork],
    first: TrialConfig,
    num_processes: int,
) -> Calibration:
    """Return the means over processes; of memory the largest."""
    flop = {each.model_dump_json(): value for each, value in works[0].evaluations.items()}
    steps = [
        MeasuredStep(
            kind=work.kind,
            step_flop=work.step_flop,
            num_trained=work.num_trained,
            seconds=fmean(answer["steps"][n]["seconds"] for answer in answers),
            tokens_s=fmean(answer["steps"][n]["tokens_s"] for answer in answers),
        )
        for n, work in enumerate(works)
    ]
    evaluations = [
        MeasuredEvaluation(
            evaluator=each.model_dump_json(),
            flop=flop[each.model_dump_json()],
            seconds=fmean(answer["evaluations"][each.model_dump_json()] for answer in answers),
        )
        for each in first.evaluators
    ]
    return Calibration(
        version=VERSION,
        when=date.today().isoformat(),
        at_once=num_processes,
        start_s=fmean(answer["start_s"] for answer in answers),
        setup_s=fmean(answer["setup_s"] for answer in answers),
        share=fmean(answer["share"] for answer in answers),
        peak_memory=max(answer["peak_memory"] for answer in answers),
        steps=tuple(steps),
        evaluations=tuple(evaluations),
    )
