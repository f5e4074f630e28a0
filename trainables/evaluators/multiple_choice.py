"""Zero-shot multiple choice by log-likelihood: what the model can still do."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from pydantic import Field

from trainables import assets, cache, miniature
from trainables.metrics import Metric, declare
from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.model import LanguageModel

OPTION = re.compile(r"^[A-Z]\.\s*")


class Item(NamedTuple):
    """A question, its alternatives (each with the space that joins it on), and the right one."""

    question: str
    choices: list[str]
    answer: int


class MultipleChoice(Strict):
    """accuracy: the alternative of greatest Σ log p after the question is the right one;
    accuracy_norm: of greatest Σ log p per character of the alternative.

    As lm-evaluation-harness computes acc and acc_norm; masked models by pseudo-likelihood.
    """

    name: Literal["multiple_choice"] = "multiple_choice"
    task: Literal["piqa", "openbookqa", "miniature_facts"]
    limit: int | None = Field(None, ge=1, description="items; all when left out")

    def metrics(self, family: str) -> tuple[Metric, ...]:
        chance = 1 / NUM_CHOICES[self.task]
        return declare(
            f"task/{self.task}",
            ("accuracy", "share", "higher", 1.0, chance, "right answer likeliest"),
            (
                "accuracy_norm",
                "share",
                "higher",
                1.0,
                chance,
                "right answer likeliest per character",
            ),
        )

    def data_digest(self) -> str:
        if self.task == "miniature_facts":
            return miniature.digest()
        return cache.digest(assets.resolve(self.task))

    def measure(self, model: LanguageModel, base: Mapping[str, float] | None) -> dict[str, float]:
        from trainables.likelihood import log_probs, queries_of

        items = READERS[self.task]()[: self.limit]
        groups = []
        for item in items:
            (question,) = model.encode([item.question])
            for whole in model.encode([item.question + choice for choice in item.choices]):
                # Encoded as one text and cut where the question ends, as lm-evaluation-harness does.
                groups.append(queries_of(model, whole[len(question) :], whole[: len(question)]))
        scores = iter(map(math.fsum, log_probs(model, groups)))
        right = right_norm = 0.0
        for item in items:
            found = [next(scores) for _ in item.choices]
            per_character = [
                score / max(1, len(choice.strip()))
                for score, choice in zip(found, item.choices, strict=True)
            ]
            right += _is_right(found, item.answer)
            right_norm += _is_right(per_character, item.answer)
        return {
            f"task/{self.task}/accuracy": right / len(items),
            f"task/{self.task}/accuracy_norm": right_norm / len(items),
        }


def _is_right(scores: list[float], answer: int) -> float:
    """1 or 0; NaN where a score is NaN, so that a diverged model does not look measured."""
    if any(map(math.isnan, scores)):
        return math.nan
    return float(scores.index(max(scores)) == answer)


def _piqa() -> list[Item]:
    return [Item(f"Question: {row['question']}\nAnswer:", *_options(row)) for row in _rows("piqa")]


def _openbookqa() -> list[Item]:
    return [Item(row["question"].strip(), *_options(row)) for row in _rows("openbookqa")]


def _miniature_facts() -> list[Item]:
    return [  # the answer last, so that a model to which all are alike is not always right
        Item(question, [f" {word}" for word in (*others, answer)], len(others))
        for question, answer, others in miniature.facts()
    ]


def _rows(name: str) -> list[dict[str, Any]]:
    text = assets.resolve(name).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


def _options(row: dict[str, Any]) -> tuple[list[str], int]:
    r"""'A. one\nB. two' and the right one, repeated with its letter."""
    options = row["options"].strip().split("\n")
    texts = [" " + OPTION.sub("", option).strip() for option in options]
    return texts, [option.strip() for option in options].index(row["answer"].strip())


READERS: dict[str, Callable[[], list[Item]]] = {
    "piqa": _piqa,
    "openbookqa": _openbookqa,
    "miniature_facts": _miniature_facts,
}
NUM_CHOICES = {"piqa": 2, "openbookqa": 4, "miniature_facts": miniature.NUM_CHOICES}
