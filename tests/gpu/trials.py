"""Whether trials repeat on this device, go on from a checkpoint, agree with the CPU, and leave memory."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tests.gpu import IS_GPU, Row, metrics_of, trial
from trainables.models import miniature
from trainables.trial import run_trial

SIDE_BY_SIDE = 3  # trials on one device


def repeats() -> Iterator[Row]:
    """Yield whether a trial run twice, and one that was resumed, give the same numbers to the last bit."""
    for name in miniature.MODELS:
        for dtype in ("fp32", "bf16"):
            config = trial(name, dtype)
            first = metrics_of(config)
            yield f"{name} {dtype}: repeats bit for bit", metrics_of(config) == first, ""
            with tempfile.TemporaryDirectory() as folder:
                reports = run_trial(config)
                next(reports)
                next(reports).save_state(Path(folder))
                reports.close()
                resumed = metrics_of(config, resume_from=Path(folder))
            yield f"{name} {dtype}: resumed = not stopped", resumed == first[2:], ""


def base_metrics() -> dict[str, dict[str, float]]:
    """Return the metrics at the base weights of both miniature models, in fp32."""
    return {name: next(run_trial(trial(name, "fp32"))).metrics for name in miniature.MODELS}


def evaluation() -> Iterator[Row]:
    """Yield how far the metrics of the base models are from those on the CPU."""
    (on_cpu,) = processes_of("--base-metrics", 1, CUDA_VISIBLE_DEVICES="")
    for name, metrics in base_metrics().items():
        gaps = {
            key: abs(value - on_cpu[name][key]) / max(1, abs(on_cpu[name][key]))
            for key, value in metrics.items()
            if not key.startswith(("se/", "df/"))
        }
        worst = max(gaps, key=lambda key: gaps[key])
        text = f"{len(gaps)} metrics, farthest {worst}: {gaps[worst]:.1e}"
        yield f"{name}: metrics as on the CPU", gaps[worst] < 1e-4, text


def memory() -> Iterator[Row]:
    """Yield the GPU's memory after each of 20 trials in one process."""
    config = trial("miniature-llama", "bf16")
    held = []
    for _ in range(20 if IS_GPU else 2):
        metrics_of(config)
        gc.collect()
        held.append(torch.cuda.memory_allocated() / 1e6 if IS_GPU else 0.0)
    text = f"{held[1]:.1f} MB after 2, {held[-1]:.1f} after {len(held)}"
    # What the CPU's allocator holds is not counted, so there it is no check.
    yield "memory after many trials stays", held[-1] <= held[1] * 1.01 if IS_GPU else None, text


def one_trial() -> list[dict[str, float]]:
    """Return the metrics of one trial in a process that has a share of the device's memory."""
    if IS_GPU:
        torch.cuda.set_per_process_memory_fraction(1 / SIDE_BY_SIDE)
    return metrics_of(trial("miniature-llama", "fp32"))


def side_by_side() -> Iterator[Row]:
    """Yield whether trials that share the device give the numbers of one alone, and how long they take."""
    times, results = [], []
    for number in (1, SIDE_BY_SIDE):
        began = time.perf_counter()
        results += processes_of("--one-trial", number)
        times.append(time.perf_counter() - began)
    same = all(result == results[0] for result in results[1:])
    text = (
        f"{times[0]:.0f} s alone, {times[1]:.0f} s for {SIDE_BY_SIDE} at once, processes included"
    )
    yield f"{SIDE_BY_SIDE} trials side by side = one alone", same, text


def processes_of(option: str, number: int, **environment: str) -> list[Any]:
    """Return what processes of `python -m tests.gpu OPTION` print last, as JSON, run at the same time."""
    command = [sys.executable, "-m", "tests.gpu", option]
    started = [
        subprocess.Popen(
            command, env=os.environ | environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for _ in range(number)
    ]  # fmt: skip
    printed = []
    for process in started:
        output, errors = process.communicate(timeout=300)
        if process.returncode:
            raise RuntimeError(errors[-300:])
        printed.append(json.loads(output.splitlines()[-1]))
    return printed
