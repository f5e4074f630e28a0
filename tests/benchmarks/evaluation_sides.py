"""The two sides of the benchmark of evaluation: our evaluators, and lm-evaluation-harness."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from trainables.data.opening import Opening
from trainables.data.sets.multiple_choice import Item
from trainables.evaluators import CrowsPairs, MultipleChoice
from trainables.models.loading import load
from trainables.models.pretrained import locate
from trainables.scoring.choices import scores
from trainables.scoring.likelihood import log_probs, queries_of

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
        self.model = load(path, "causal", Opening("bos"))  # as the harness starts texts
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
        queries = [queries_of(self.model.tokenizer, row, ()) for row in ids]
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
