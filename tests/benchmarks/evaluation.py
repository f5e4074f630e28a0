"""Items a second of the measurements: ours against lm-evaluation-harness, and whether they agree.

    make bench            (python -m tests.benchmarks.evaluation --rounds 2)

A second table tells where the time goes, in one more run of each.

The same weights in the same process, the same items, threads and precision, in turns. The harness
runs its own tasks on items of the same form as its own, with the batch size that suits it best here.
Both are timed from the items to the metrics, with a warm tokenizer; what the harness does once a
call (finding its tasks, describing the machine) is left out.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from trainables.config import ModelConfig
from trainables.evaluators import CrowsPairs, MultipleChoice
from trainables.evaluators.multiple_choice import Item, scores
from trainables.likelihood import log_probs, queries_of
from trainables.model import LanguageModel, load

PILOT = 150  # items that the harness's batch size is chosen on
PEERS = Path(__file__).parents[2] / ".bench" / "peers"
Scores = list[list[float]]


def multiple_choice(task: str, limit: int | None) -> tuple[list[Item], dict[str, Any]]:
    """Our items, and the harness's own task over the same ones in the form of its data set."""
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
    pairs = CrowsPairs(limit=limit).pairs()
    rows = [{"sent_more": more, "sent_less": less, "bias_type": "gender"} for more, less in pairs]
    return pairs, {"task": "crows_pairs_english_gender", "rows": rows}


TASKS = {
    "crows_pairs_english_gender": "crows_pairs/crows_pairs_english_gender.yaml",
    "openbookqa": "openbookqa/openbookqa.yaml",
    "piqa": "piqa/piqa.yaml",
    "boolq": "super_glue/boolq/default.yaml",
}


def harness_task(asked: dict[str, Any]) -> Any:
    """The task as the harness ships it, over these rows."""
    import datasets
    import lm_eval
    from lm_eval.tasks import TaskManager
    from lm_eval.tasks._yaml_loader import load_yaml

    config = load_yaml(Path(lm_eval.__file__).parent / "tasks" / TASKS[asked["task"]])
    table = datasets.Dataset.from_list(asked["rows"])
    splits = dict.fromkeys(("training_split", "validation_split", "test_split"))
    kept = {k: v for k, v in config.items() if k not in ("dataset_path", "dataset_name", "tag")}
    custom = {"test_split": "test", "custom_dataset": lambda **_: {"test": table}}
    loaded = TaskManager().load([kept | splits | custom | {"metadata": {}}])
    for task in loaded["tasks"].values():
        task.set_config(key="num_fewshot", value=0)
    return loaded


def harness(lm: Any, task: Any) -> tuple[Scores, dict[str, float]]:
    """Log-likelihoods of each item's alternatives, and the metrics."""
    from lm_eval import evaluate

    found: Any = evaluate(lm=lm, task_dict=task, bootstrap_iters=0, verbosity="ERROR")
    ((name, samples),) = found["samples"].items()
    samples = sorted(samples, key=lambda sample: sample["doc_id"])
    each = [[float(answer[0][0]) for answer in sample["resps"]] for sample in samples]
    return each, found["results"][name]


def ours_multiple_choice(model: LanguageModel, items: list[Item]) -> Scores:
    return scores(model, items)


def ours_crows(model: LanguageModel, pairs: list[tuple[str, str]]) -> Scores:
    ids = model.encode([text for pair in pairs for text in pair])
    sums = [sum(values) for values in log_probs(model, [queries_of(model, each) for each in ids])]
    return [list(pair) for pair in zip(sums[::2], sums[1::2], strict=True)]


def best(each: Scores) -> list[int]:
    return [values.index(max(values)) for values in each]


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    found = call()
    return time.perf_counter() - began, found


def where_time_goes(model: LanguageModel, run: Callable[[], Any]) -> dict[str, float]:
    """Tokens that the model reads in a run, padding included, and the seconds of each part."""
    found: dict[str, float] = defaultdict(float)
    began: dict[torch.nn.Module, float] = {}
    head: torch.nn.Module = model.module.get_output_embeddings()  # type: ignore[operator]

    def count(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        found["tokens"] += ids.numel()

    def timing(part: str, module: torch.nn.Module) -> list[Any]:
        def stop(module: torch.nn.Module, *_: Any) -> None:
            found[part] += time.perf_counter() - began[module]

        start = module.register_forward_pre_hook(
            lambda module, _: began.__setitem__(module, time.perf_counter())
        )
        return [start, module.register_forward_hook(stop)]

    hooks = [model.module.register_forward_pre_hook(count, with_kwargs=True)]
    hooks += timing("model", model.module)
    for module in model.module.modules():
        if isinstance(module, torch.nn.Linear):
            hooks += timing("head" if module is head else "linear", module)
    found["all"], _ = timed(run)
    for hook in hooks:
        hook.remove()
    found["attention"] = found["model"] - found["linear"] - found["head"]
    found["outside"] = found["all"] - found["model"]
    return found


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    asked.add_argument("--model", default="smollm2-135m")
    asked.add_argument("--rounds", type=int, default=2)
    asked.add_argument("--limit", type=int, help="items of each set; all when left out")
    asked.add_argument("--tasks", default="crows_pairs,openbookqa", help="also piqa, boolq")
    asked.add_argument("--batch-sizes", default="1,8,16,32", help="the harness's best is used")
    asked.add_argument("--json", type=Path)
    options = asked.parse_args()
    sys.path.insert(0, str(PEERS))
    os.environ |= {"HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1", "LOGLEVEL": "ERROR"}
    try:
        from lm_eval.models.huggingface import HFLM
    except ImportError as error:
        raise SystemExit(f"the peers are not installed ({error}): run `make bench`.") from error
    model = load(ModelConfig(path=options.model))
    model.reset("fp32")
    model.module.eval()

    def lm(batch_size: int) -> Any:
        return HFLM(pretrained=model.module, tokenizer=model.tokenizer, batch_size=batch_size)

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
        if name == "crows_pairs":
            items, form = crows_pairs(options.limit)
            run: Callable[[], Scores] = lambda items=items: ours_crows(model, items)  # noqa: E731
        else:
            items, form = multiple_choice(name, options.limit)
            run = lambda items=items: ours_multiple_choice(model, items)  # noqa: E731
        some = harness_task(form | {"rows": form["rows"][:PILOT]})
        sizes = {int(size): 0.0 for size in options.batch_sizes.split(",")}
        for size in sizes:
            sizes[size] = timed(lambda size=size, some=some: harness(lm(size), some))[0]
        size = min(sizes, key=sizes.__getitem__)
        task, peer = harness_task(form), lm(size)
        our_times, peer_times = [], []
        for _ in range(options.rounds):
            seconds, ours = timed(run)
            our_times.append(seconds)
            seconds, (theirs, _) = timed(lambda task=task, peer=peer: harness(peer, task))
            peer_times.append(seconds)
        same = sum(a == b for a, b in zip(best(ours), best(theirs), strict=True))
        gap = max(
            abs(a - b) for o, t in zip(ours, theirs, strict=True) for a, b in zip(o, t, strict=True)
        )
        pace, peer_pace = len(items) / median(our_times), len(items) / median(peer_times)
        table.add_row(
            *(name, str(len(items)), f"{pace:.1f}", f"{peer_pace:.1f} (batch {size})"),
            *(f"{pace / peer_pace:.2f}", f"{same}/{len(items)}", f"{gap:.1e}"),
        )
        spent = {
            "ours": where_time_goes(model, run),
            "harness": where_time_goes(model, lambda task=task, peer=peer: harness(peer, task)),
        }
        for who, each in spent.items():
            seconds = (each[part] for part in ("linear", "head", "attention", "outside", "all"))
            parts.add_row(
                f"{name}, {who}", f"{each['tokens']:,.0f}", *(f"{s:.1f}" for s in seconds)
            )
        report[name] = {
            "parts": spent,
            "items": len(items), "ours_s": our_times, "harness_s": peer_times, "batch": size,
            "same_decision": same, "largest_difference": gap, "load": os.getloadavg()[0],
        }  # fmt: skip
        Console(width=80).print(f"{name}: {pace / peer_pace:.2f} ×")
    Console(width=80).print(table)
    Console(width=80).print(parts)
    if options.json:
        options.json.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
