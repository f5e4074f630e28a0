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
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from trainables.data.sets.multiple_choice import Item
from trainables.evaluators import CrowsPairs, MultipleChoice
from trainables.models.loading import load
from trainables.models.pretrained import locate
from trainables.scoring.choices import scores
from trainables.scoring.likelihood import log_probs, queries_of

PILOT = 150  # number of items on which the harness's batch size is chosen
PEERS = Path(__file__).parents[2] / ".bench" / "peers"
Scores = list[list[float]]  # log-likelihoods of the alternatives of each item


def multiple_choice(task: str, limit: int | None) -> tuple[list[Item], dict[str, Any]]:
    """Return our items of a task, and the same ones as rows of the harness's data set."""
    items = MultipleChoice(task=task, limit=limit).items()
    rows: list[dict[str, Any]] = []
    for item in items:
        choices = [choice.removeprefix(" ") for choice in item.choices]
        match task:
            case "piqa":
                goal = item.question.removeprefix("Question: ").removesuffix("\nAnswer:")
                rows.append(
                    {"goal": goal, "sol1": choices[0], "sol2": choices[1], "label": item.answer}
                )
            case "openbookqa":
                letters = "ABCD"[: len(choices)]
                rows.append(
                    {
                        "question_stem": item.question,
                        "choices": {"text": choices, "label": list(letters)},
                        "answerKey": letters[item.answer],
                    }
                )
            case "boolq":
                passage, question = item.question.removesuffix("?\nAnswer:").rsplit(
                    "\nQuestion: ", 1
                )
                rows.append({"passage": passage, "question": question, "label": item.answer})
    return items, {"task": task, "rows": rows}


def crows_pairs(limit: int | None) -> tuple[list[tuple[str, str]], dict[str, Any]]:
    """Return our pairs of CrowS-Pairs, and the same ones as rows of the harness's data set."""
    pairs = CrowsPairs(limit=limit).items()
    rows = [{"sent_more": more, "sent_less": less, "bias_type": "gender"} for more, less in pairs]
    return pairs, {"task": "crows_pairs_english_gender", "rows": rows}


TASKS = {
    "crows_pairs_english_gender": "crows_pairs/crows_pairs_english_gender.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "piqa": "piqa/piqa.yaml",
    "boolq": "super_glue/boolq/default.yaml",
}


def harness_task(form: dict[str, Any]) -> Any:
    """Return the harness's own task over other rows.

    form: name of the task, and the rows.
    """
    import datasets
    import lm_eval
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(lm_eval.__file__).parent / "tasks" / TASKS[form["task"]])
    table = datasets.Dataset.from_list(form["rows"])
    splits = dict.fromkeys(("training_split", "validation_split", "test_split"))
    settings = {k: v for k, v in config.items() if k not in ("dataset_path", "dataset_name", "tag")}
    custom = {"test_split": "test", "custom_dataset": lambda **_: {"test": table}}
    loaded = TaskManager().load([settings | splits | custom | {"metadata": {}}])
    for task in loaded["tasks"].values():
        task.set_config(key="num_fewshot", value=0)
    return loaded


# Each side runs in a process of its own, as for its users, so that the memory settings, patches and
# caches of one do not affect the other. Only one of the two works at a time.


class Ours:
    """Our evaluators on a model, in fp32."""

    def __init__(self, path: str, limit: int | None) -> None:
        self.limit = limit
        self.model = load(path, "causal")
        self.model.reset("fp32")
        self.module = self.model.module.eval()

    def job(self, name: str, batch_size: int, num_items: int | None) -> Callable[[], Any]:
        """Return a function that measures a benchmark, from its file to metrics with their errors."""
        if name == "crows_pairs":
            return lambda: CrowsPairs(limit=self.limit).measure(self.model, {})
        evaluator = MultipleChoice.model_validate({"task": name, "limit": self.limit})
        return lambda: evaluator.measure(self.model, {})

    def scores(self, name: str, _: Any) -> Scores:
        """Return the log-likelihoods of each item's alternatives."""
        if name != "crows_pairs":
            return scores(self.model, multiple_choice(name, self.limit)[0])
        pairs, _ = crows_pairs(self.limit)
        ids = self.model.tokenizer.encode([text for pair in pairs for text in pair])
        queries = [queries_of(self.model.tokenizer, row) for row in ids]
        sums = list(map(sum, log_probs(self.model, queries)))
        return [list(pair) for pair in zip(sums[::2], sums[1::2], strict=True)]


class Harness:
    """The harness on the same model, in fp32."""

    def __init__(self, path: str, limit: int | None) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer

        self.limit = limit
        folder = locate(path)
        self.module = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)

    def job(self, name: str, batch_size: int, num_items: int | None) -> Callable[[], Any]:
        """Return a function that measures a benchmark with the harness."""
        from lm_eval import evaluate
        from lm_eval.models.huggingface import HFLM

        read = crows_pairs if name == "crows_pairs" else partial(multiple_choice, name)
        form = read(self.limit)[1]
        task = harness_task(form | {"rows": form["rows"][:num_items]})
        lm = HFLM(pretrained=self.module, tokenizer=self.tokenizer, batch_size=batch_size)

        return lambda: evaluate(lm=lm, task_dict=task, bootstrap_iters=0, verbosity="ERROR")

    def scores(self, name: str, results: Any) -> Scores:
        """Return the log-likelihoods of each item's alternatives, from the results of a job."""
        ((_, samples),) = results["samples"].items()
        samples = sorted(samples, key=lambda sample: sample["doc_id"])
        return [[float(answer[0][0]) for answer in sample["resps"]] for sample in samples]


SIDE: dict[str, Ours | Harness] = {}  # the side that runs in this process, under "here"
LAST: dict[str, Any] = {}  # the results of its last job, under "results"


def start(kind: type[Ours | Harness], path: str, limit: int | None) -> None:
    """Prepare a process for one of the sides."""
    sys.path.insert(0, str(PEERS))
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


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Call a function; return the seconds that it took, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def where_time_goes(model: torch.nn.Module, run: Callable[[], Any]) -> dict[str, float]:
    """Return the tokens that the model reads in a run, padding included, and the seconds of each part."""
    parts: dict[str, float] = defaultdict(float)
    began: dict[torch.nn.Module, float] = {}
    head: torch.nn.Module = model.get_output_embeddings()  # type: ignore[operator]

    def count(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        parts["tokens"] += ids.numel()

    def timing(part: str, module: torch.nn.Module) -> list[Any]:
        def stop(module: torch.nn.Module, *_: Any) -> None:
            parts[part] += time.perf_counter() - began[module]

        start = module.register_forward_pre_hook(
            lambda module, _: began.__setitem__(module, time.perf_counter())
        )
        return [start, module.register_forward_hook(stop)]

    hooks = [model.register_forward_pre_hook(count, with_kwargs=True)]
    hooks += timing("model", model)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            hooks += timing("head" if module is head else "linear", module)
    parts["all"], _ = timed(run)
    for hook in hooks:
        hook.remove()
    parts["attention"] = parts["model"] - parts["linear"] - parts["head"]
    parts["outside"] = parts["all"] - parts["model"]
    return parts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--limit", type=int, help="items of each set; all when left out")
    parser.add_argument("--tasks", default="crows_pairs,openbookqa", help="also piqa, boolq")
    parser.add_argument("--batch-sizes", default="1,8,16,32", help="the harness's best is used")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (PEERS / "lm_eval").is_dir():
        raise SystemExit("the peers are not installed: run `make bench`.")
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
