"""Items a second of our evaluators and of lm-evaluation-harness, and whether their results agree.

    make bench            (python -m tests.benchmarks.evaluation --rounds 2)

A second table shows where the time goes, in one more run of each.

Both use the same weights, items, threads and precision, in turns, each in a process of its own. The
harness runs its own tasks, over items in the form of its own data sets, with the batch size that is
fastest here. Both are timed from the items to the metrics, with a warm tokenizer; what the harness does
once a call (finding its tasks, describing the machine) is left out.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.evaluation_sides import Harness, Ours, Scores
from tests.benchmarks.timing import timed, where_time_goes

PILOT = 150  # number of items on which the harness's batch size is chosen

SIDE: dict[str, Ours | Harness] = {}  # the side that runs in this process, under "here"
LAST: dict[str, Any] = {}  # the results of its last job, under "results"


def start(kind: type[Ours | Harness], path: str, limit: int | None) -> None:
    """Prepare a process for one of the sides."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "LOGLEVEL": "ERROR"}
    SIDE["here"] = kind(path, limit)


def run(name: str, batch_size: int = 0, num_items: int | None = None) -> float:
    """Run a benchmark and return its time in seconds."""
    seconds, LAST["results"] = timed(SIDE["here"].job(name, batch_size, num_items))
    return seconds


def scores_of(name: str) -> Scores:
    """Return the log-likelihoods of each item's alternatives in the last run."""
    return SIDE["here"].scores(name, LAST["results"])


def parts_of(name: str, batch_size: int = 0) -> dict[str, float]:
    """Run a benchmark once more and return its tokens, and its seconds in each part of the model."""
    return where_time_goes(SIDE["here"].module, SIDE["here"].job(name, batch_size, None))


def best(scores: Scores) -> list[int]:
    """Return the index of the likeliest alternative of each item."""
    return [values.index(max(values)) for values in scores]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=int, help="items of each set; all when left out")
    parser.add_argument("--tasks", default="crows_pairs,openbookqa", help="also piqa, boolq")
    parser.add_argument("--batch-sizes", default="1,8,16,32", help="the harness's best is used")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    ours, theirs = (
        ProcessPoolExecutor(1, spawn, start, (kind, options.model, options.limit))
        for kind in (Ours, Harness)
    )
    table = Table(
        title=f"items a second, {options.model}, fp32, {torch.get_num_threads()} threads, "
        f"{platform.machine()}"
    )
    for heading in ("", "items", "ours", "harness", "ratio", "same", "max |Δ|"):
        table.add_column(heading, justify="left" if not heading else "right")
    parts = Table(title="where the time goes, in seconds (tokens: read, with padding)")
    for heading in ("", "tokens", "linear", "head", "other", "outside", "all"):
        parts.add_column(heading, justify="left" if not heading else "right")
    report: dict[str, Any] = {}
    for name in options.tasks.split(","):
        sizes = {int(size): 0.0 for size in options.batch_sizes.split(",")}
        for size in sizes:
            sizes[size] = theirs.submit(run, name, size, PILOT).result()
        size = min(sizes, key=sizes.__getitem__)
        our_times, peer_times = [], []
        for _ in range(options.rounds):
            our_times.append(ours.submit(run, name).result())
            peer_times.append(theirs.submit(run, name, size).result())
        own, other = (side.submit(scores_of, name).result() for side in (ours, theirs))
        num = len(own)
        same = sum(a == b for a, b in zip(best(own), best(other), strict=True))
        gap = max(
            abs(a - b) for o, t in zip(own, other, strict=True) for a, b in zip(o, t, strict=True)
        )
        pace, peer_pace = num / median(our_times), num / median(peer_times)
        table.add_row(
            *(name, str(num), f"{pace:.1f}", f"{peer_pace:.1f} (batch {size})"),
            *(f"{pace / peer_pace:.2f}", f"{same}/{num}", f"{gap:.1e}"),
        )
        spent = {
            "ours": ours.submit(parts_of, name).result(),
            "harness": theirs.submit(parts_of, name, size).result(),
        }
        for side, times in spent.items():
            seconds = (times[part] for part in ("linear", "head", "attention", "outside", "all"))
            parts.add_row(
                f"{name}, {side}", f"{times['tokens']:,.0f}", *(f"{s:.1f}" for s in seconds)
            )
        report[name] = {
            "parts": spent,
            "items": num, "pilot_s": sizes, "ours_s": our_times, "harness_s": peer_times, "batch": size,
            "same_decision": same, "largest_difference": gap, "load": os.getloadavg()[0],
        }  # fmt: skip
        Console(width=80).print(f"{name}: {pace / peer_pace:.2f} ×")
    Console(width=80).print(table)
    Console(width=80).print(parts)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
