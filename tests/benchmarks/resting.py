"""A trial that rests and reports, for processes that have loaded nothing but what Ray Tune needs."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.report import Report

if TYPE_CHECKING:
    from trainables.config import TrialConfig

REPORTS = 5


def resting_trial(
    config: TrialConfig,
    *,
    resume_from: Path | None = None,
    metrics: Sequence[str],
    times: tuple[str, str, str],
    pause_s: float,
    present: Path,
    slots: int,
) -> Iterator[Report]:
    """Yield five reports with pauses between them, in place of run_trial.

    Nothing is reported before the processes of all slots have begun: where they start on one machine,
    nothing else gets its processor meanwhile.

    metrics: names of all metrics.
    times: those of them that hold when a report was made and when its trial began, in seconds since
        1970, and the process of the trial.
    pause_s: between two reports, on average.
    present: a folder in which each process leaves a file.
    slots: the number of processes.
    """
    began, draw = time.time(), random.Random(config.train.lr)
    (present / str(os.getpid())).touch()
    if len(os.listdir(present)) < slots:
        while len(os.listdir(present)) < slots:
            time.sleep(1)
        time.sleep(draw.uniform(0, 2) * pause_s)  # else all would report at once for ever
    for step in range(REPORTS):
        if step:
            time.sleep(draw.uniform(0.5, 1.5) * pause_s)
        values = dict.fromkeys(metrics, config.train.lr)
        values |= dict(zip(times, (time.time(), began, float(os.getpid())), strict=True))
        yield Report(step, step / (REPORTS - 1), values, print, print)
