"""Multiple choice, zero-shot, by log-likelihood: the tasks that the model can still do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from trainables.data.sets.multiple_choice import NUM_CHOICES, READERS, Item, hellaswag
from trainables.evaluators.base import Evaluator, asset_digest
from trainables.metrics.metric import Metric, declare
from trainables.scoring.choices import is_right, scores

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


# The words that begin a line of a prompt and are no part of its text.
LEAD = re.compile(r"^(?:Question|Q|Answer|A): *")


class MultipleChoice(Evaluator):
    """Share of questions whose right alternative has the highest score after the question.

    accuracy:      the score is Σ log p of the alternative's tokens.
    accuracy_norm: the score is Σ log p per character of the alternative.

    Prompts and scores are those of lm-evaluation-harness 0.4.13 (acc and acc_norm), without examples
    and without MMLU's line about the subject. Masked models are scored by pseudo-likelihood. No package
    has the labels of hellaswag: `path` is the file hellaswag_val.jsonl of its authors.
    """

    name: Literal["multiple_choice"] = "multiple_choice"
    task: Literal[
        "piqa", "openbookqa", "boolq", "siqa", "commonsenseqa", "mmlu_tiny", "hellaswag",
        "miniature_facts",
    ]  # fmt: skip
    path: str | None = Field(None, description="file of labelled items, hellaswag only")
    limit: int | None = Field(None, ge=1, description="items; all when left out")

    @model_validator(mode="after")
    def _only_hellaswag_has_a_path(self) -> Self:
        """Refuse hellaswag without a path, and any other task with one."""
        if (self.task == "hellaswag") != (self.path is not None):
            raise ValueError(
                "task hellaswag must have a path, the file hellaswag_val.jsonl of its authors, and no "
                f"other task may have one, but got task {self.task} and path {self.path}: write "
                "{task: hellaswag, path: hellaswag_val.jsonl}, or leave path out"
            )
        return self

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare both accuracies, whose worst is chance."""
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
        """Return the sha256 of the file of the task, or of the miniature's facts."""
        if self.task == "miniature_facts":
            return asset_digest("miniature")
        return asset_digest(self.path or self.task)

    def items(self) -> list[Item]:
        """Return the first `limit` items.

        Raises:
            ValueError: an item lacks what it needs.
        """
        items = READERS[self.task]() if self.path is None else hellaswag(self.path)
        return items[: self.limit]

    def texts(self) -> list[str]:
        """Return passages, questions, and each question with each of its alternatives."""
        texts = []
        for item in self.items():
            lines = [LEAD.sub("", line) for line in item.question.splitlines()]
            sentences = [line for line in lines if line not in ("", "Answer:", "A:")]
            texts += [*sentences, *([item.about] if item.about else [])]
            texts += [sentences[-1] + choice for choice in item.choices]
        return texts

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return both accuracies; questions about one passage are one cluster for standard errors.

        Raises:
            ValueError: an alternative has no token after the question.
        """
        from trainables.metrics.estimate import Items, mean

        rows = self.items()
        correct, correct_norm = [], []
        for row, sums in zip(rows, scores(model, rows), strict=True):
            per_character = [
                score / max(1, len(choice.strip()))
                for score, choice in zip(sums, row.choices, strict=True)
            ]
            correct.append(is_right(sums, row.answer))
            correct_norm.append(is_right(per_character, row.answer))
        items = Items.of(range(len(rows)), (row.about or row.question for row in rows))
        return {
            f"task/{self.task}/accuracy": mean(correct, items),
            f"task/{self.task}/accuracy_norm": mean(correct_norm, items),
        }
