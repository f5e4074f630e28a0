"""Zero-shot multiple choice by log-likelihood: what the model can still do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from trainables.assets import cache, resolve
from trainables.data.sets.miniature import DIGEST
from trainables.data.sets.multiple_choice import NUM_CHOICES, READERS, Item, hellaswag
from trainables.evaluators.base import Evaluator
from trainables.metrics.metric import Metric, declare
from trainables.scoring.choices import is_right, scores

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


LEAD = re.compile(r"^(?:Question|Q|Answer|A): *")


class MultipleChoice(Evaluator):
    """accuracy: the alternative of greatest Σ log p after the question is the right one;
    accuracy_norm: of greatest Σ log p per character of the alternative.

    Prompts and scores are those of lm-evaluation-harness 0.4.13 (acc and acc_norm), without
    examples and without MMLU's line about the subject; masked models by pseudo-likelihood.
    hellaswag has its labels in no package: give `path`, its hellaswag_val.jsonl.
    """

    name: Literal["multiple_choice"] = "multiple_choice"
    task: Literal[
        "piqa", "openbookqa", "boolq", "siqa", "commonsenseqa", "mmlu_tiny", "hellaswag",
        "miniature_facts",
    ]  # fmt: skip
    path: str | None = Field(None, description="of hellaswag alone: its file of labelled items")
    limit: int | None = Field(None, ge=1, description="items; all when left out")

    @model_validator(mode="after")
    def _has_its_labels(self) -> Self:
        if (self.task == "hellaswag") != (self.path is not None):
            raise ValueError(
                "task hellaswag must have a path, the file hellaswag_val.jsonl of its authors, as "
                f"in {{task: hellaswag, path: hellaswag_val.jsonl}}, and no other task has one, but "
                f"got {self.task} and {self.path}"
            )
        return self

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
            return DIGEST
        return cache.digest(resolve.resolve(self.path or self.task))

    def items(self) -> list[Item]:
        """The first `limit` items.

        Raises:
            ValueError: an item lacks what it needs.
        """
        found = READERS[self.task]() if self.path is None else hellaswag(self.path)
        return found[: self.limit]

    def texts(self) -> list[str]:
        """Passages, questions, and questions with each of their alternatives."""
        found = []
        for item in self.items():
            lines = [LEAD.sub("", line) for line in item.question.splitlines()]
            asked = [line for line in lines if line not in ("", "Answer:", "A:")]
            found += [*asked, *([item.about] if item.about else [])]
            found += [asked[-1] + choice for choice in item.choices]
        return found

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        from trainables.metrics.estimate import Items, mean

        items = self.items()
        right, right_norm = [], []
        for item, found in zip(items, scores(model, items), strict=True):
            per_character = [
                score / max(1, len(choice.strip()))
                for score, choice in zip(found, item.choices, strict=True)
            ]
            right.append(is_right(found, item.answer))
            right_norm.append(is_right(per_character, item.answer))
        names = Items.of(range(len(items)), (i.about or i.question for i in items))
        return {
            f"task/{self.task}/accuracy": mean(right, names),
            f"task/{self.task}/accuracy_norm": mean(right_norm, names),
        }
