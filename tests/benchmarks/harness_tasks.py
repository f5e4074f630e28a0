"""Items a second of tasks of lm-evaluation-harness on our engine and on its own, and whether they agree.

    make bench            (python -m tests.benchmarks.harness_tasks --rounds 2)

Both have the same task, weights, items, threads and precision, in turns, each in a process of its own.
The harness has the batch size that is fastest here. Both are timed from the items to the metrics.
max |Δ| is the largest difference of a metric, as a share of it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import platform
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from tests.benchmarks.evaluation_sides import TASKS, multiple_choice
from tests.benchmarks.timing import timed
from trainables.data.sources import read_texts
from trainables.evaluators import Harness
from trainables.harness import folder, library, loaded
from trainables.models.loading import load
from trainables.models.pretrained import locate

PILOT = 24  # number of items on which the harness's batch size is chosen
NAMES = ("openbookqa", "general_rolling", "general_writing")
SIDE: dict[str, Any] = {}  # the side that runs in this process, under "here"


def write_tasks(place: Path, limit: int) -> None:
    """Write tasks of three output types on data that are here: questions, and general texts."""
    _, form = multiple_choice("openbookqa", limit)
    texts = [{"text": text} for _, text in read_texts("bold_wikipedia")][: 40 * limit : 40]
    for name, rows in (("openbookqa", form["rows"]), ("general", texts)):
        (place / f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = {"dataset_path": "json", "test_split": "test", "num_fewshot": 0}

    def write(name: str, file: str, **settings: Any) -> None:
        files = {"data_files": {"test": str(place / f"{file}.jsonl")}}
        tree = {"task": name, **data, "dataset_kwargs": files} | settings
        (place / f"{name}.yaml").write_text(json.dumps(tree))

    splits = dict.fromkeys(("dataset_name", "training_split", "validation_split"))
    own = str(library.tasks_folder() / TASKS["openbookqa"])
    write("openbookqa", "openbookqa", include=own, **splits)
    write(
        "general_rolling", "general",
        output_type="loglikelihood_rolling", doc_to_text="", doc_to_target="text",
    )  # fmt: skip
    write(
        "general_writing", "general",
        output_type="generate_until",
        doc_to_text="{{text.split(' ')[:8]|join(' ')}}",
        doc_to_target="{{text.split(' ')[8:]|join(' ')}}",
        generation_kwargs={"until": ["\n"], "max_gen_toks": 16, "do_sample": False},
        metric_list=[{"metric": "chrf", "aggregation": "chrf", "higher_is_better": True}],
    )  # fmt: skip


class Ours:
    """Our engine on a model, in fp32."""

    def __init__(self, path: str, place: Path) -> None:
        folder.use(place)
        self.model = load(path, "causal")
        self.model.reset("fp32")

    def job(self, name: str, batch_size: int, limit: int | None) -> Callable[[], dict[str, float]]:
        """Return a function that measures a task, from its items to its metrics."""
        evaluator = Harness(task=name, limit=limit)
        tasks = loaded.load(name, None, limit)

        def run() -> dict[str, float]:
            with library.quiet():  # a sweep makes the requests once, and the harness in each call
                for task in tasks:
                    task.task.build_all_requests(limit=limit)
            estimates = evaluator.measure(self.model, {})
            return {metric.rpartition("/")[2]: e.value for metric, e in estimates.items()}

        return run


class Theirs:
    """The harness on the same model, in fp32."""

    def __init__(self, path: str, place: Path) -> None:
        from lm_eval.tasks import TaskManager
        from transformers import AutoModelForCausalLM, AutoTokenizer

        where = locate(path)
        self.module = AutoModelForCausalLM.from_pretrained(where, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(where)
        self.manager = TaskManager(include_path=place, include_defaults=False)

    def job(self, name: str, batch_size: int, limit: int | None) -> Callable[[], dict[str, float]]:
        """Return a function that measures a task with the harness."""
        from lm_eval import evaluate
        from lm_eval.models.huggingface import HFLM

        tasks = self.manager.load([name])
        lm = HFLM(pretrained=self.module, tokenizer=self.tokenizer, batch_size=batch_size)

        def run() -> dict[str, float]:
            with library.quiet():
                results = evaluate(
                    lm=lm, task_dict=tasks, limit=limit, bootstrap_iters=0, log_samples=False
                )
            return {
                key.partition(",")[0]: value
                for key, value in results["results"][name].items()
                if "," in key and "_stderr" not in key
            }

        return run


def start(kind: type[Ours | Theirs], path: str, place: Path) -> None:
    """Prepare a process for one of the sides."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
    SIDE["here"] = kind(path, place)


def run(name: str, batch_size: int = 0, limit: int | None = None) -> tuple[float, dict[str, float]]:
    """Measure a task; return its time in seconds and its metrics."""
    return timed(SIDE["here"].job(name, batch_size, limit))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--items", type=int, default=200, help="of each task")
    parser.add_argument("--batch-sizes", default="1,8,16", help="the harness's best is used")
    options = parser.parse_args()
    table = Table(
        title=f"items a second, {options.model}, fp32, {torch.get_num_threads()} threads, "
        f"{platform.machine()}"
    )
    for heading in ("", "items", "ours", "harness", "ratio", "max |Δ|", "load"):
        table.add_column(heading, justify="right" if heading else "left")
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        write_tasks(place, options.items)
        spawn = multiprocessing.get_context("spawn")
        ours, theirs = (
            stack.enter_context(ProcessPoolExecutor(1, spawn, start, (kind, options.model, place)))
            for kind in (Ours, Theirs)
        )
        for name in NAMES:
            sizes = {
                size: theirs.submit(run, name, size, PILOT).result()[0]
                for size in map(int, options.batch_sizes.split(","))
            }
            size = min(sizes, key=sizes.__getitem__)
            ours.submit(run, name, 0, PILOT).result()
            times: list[tuple[float, float]] = []
            for _ in range(options.rounds):
                own_s, own = ours.submit(run, name).result()
                peer_s, peer = theirs.submit(run, name, size).result()
                times.append((own_s, peer_s))
            own_s, peer_s = (median(side) for side in zip(*times, strict=True))
            gap = max(
                abs(own[metric] / value - 1) if value else own[metric]
                for metric, value in peer.items()
            )
            table.add_row(
                *(name, str(options.items), f"{options.items / own_s:.1f}"),
                f"{options.items / peer_s:.1f} (batch {size})",
                *(f"{peer_s / own_s:.2f}", f"{gap:.1e}", f"{os.getloadavg()[0]:.1f}"),
            )
            Console(width=80).print(f"{name}: {peer_s / own_s:.2f} ×")
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
