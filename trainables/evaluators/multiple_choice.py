"""Multiple choice, zero-shot, by log-likelihood: the tasks that the model can still do."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, field_validator, model_validator

from trainables.assets import cache
from trainables.data.files.kinds import ROWS, dataset_label, files_named, in_words, kind_of
from trainables.data.rows import user_file
from trainables.data.sets.multiple_choice import NUM_CHOICES, READERS, Item, hellaswag
from trainables.data.sets.question_file import Prompt, question_items
from trainables.evaluators.base import Evaluator, asset_digest
from trainables.metrics import bounds
from trainables.metrics.metric import Metric, declare
from trainables.schema.faults import did_you_mean
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

    A task may be a user's own file (trainables/data/sets/question_file.py), after which its metrics
    are named.
    """

    name: Literal["multiple_choice"] = "multiple_choice"
    task: str = Field(description="a known set, or a file of questions")
    path: str | None = Field(None, description="file of labelled items, hellaswag only")
    prompt: Prompt = Field("question", description="what stands before a choice, own files only")
    limit: int | None = Field(None, ge=1, description="the first items; all when left out")

    @classmethod
    def examples(cls) -> tuple[Evaluator, ...]:
        """Return one for each known task; a user's file has a metric of its own name."""
        return tuple(cls.model_construct(task=name) for name in NUM_CHOICES)

    @field_validator("task")
    @classmethod
    def _task_is_known(cls, name: str) -> str:
        """Return the name, if it is a known task, or a file that no known task has the name of."""
        if name in NUM_CHOICES:
            return name
        if kind_of(name) not in ROWS:
            raise ValueError(
                f"must name a task that is known ({', '.join(NUM_CHOICES)}) or {in_words(ROWS)}, with "
                f"the fields question, choices and answer, but got {name!r}"
                f"{did_you_mean(name, [*files_named(name, ROWS), *NUM_CHOICES])}"
            )
        if dataset_label(name) in NUM_CHOICES:
            raise ValueError(
                "must be a file whose name is not that of a known task, as metrics are named by it, "
                f"but got {name!r}: rename it"
            )
        return name

    @model_validator(mode="after")
    def _only_files_have_a_prompt(self) -> Self:
        """Refuse a prompt for a known task, which has one of its own."""
        if self.task in NUM_CHOICES and self.prompt != "question":
            raise ValueError(
                f"prompt must be left out for {self.task}, which has one of its own, but got "
                f"{self.prompt}: it is for files of yours"
            )
        return self

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

    @property
    def _dataset(self) -> str:
        """The beginning of the names of its metrics."""
        return f"task/{dataset_label(self.task)}"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare both accuracies, whose worst is chance; 0 for a file, which is not read here."""
        chance = 1 / NUM_CHOICES[self.task] if self.task in NUM_CHOICES else 0.0
        return declare(
            self._dataset,
            *(
                (quantity, "share", "higher", 1.0, chance, bounds.SHARE, about)
                for quantity, about in (
                    ("accuracy", "right answer likeliest"),
                    ("accuracy_norm", "right answer likeliest per character"),
                )
            ),
        )

    def data_digest(self) -> str:
        """Return the sha256 of the file of the task, or of the miniature's facts."""
        if self.task == "miniature_facts":
            return asset_digest("miniature")
        own = self.path or (self.task if self.task not in NUM_CHOICES else None)
        return cache.digest(user_file(own)) if own else asset_digest(self.task)

    def items(self) -> list[Item]:
        """Return the first `limit` items.

        Raises:
            ValueError: an item lacks what it needs.
        """
        if self.path is not None:
            items = hellaswag(self.path)
        elif self.task in READERS:
            items = READERS[self.task]()
        else:
            items = question_items(self.task, self.prompt)
        return items[: self.limit]

    def texts(self) -> list[str]:
        """Return passages, questions, and each question with each of its alternatives."""
        texts = []
        for item in self.items():
            lines = [LEAD.sub("", line) for line in item.question.splitlines()]
            sentences = [line for line in lines if line not in ("", "Answer:", "A:")]
            sentences = sentences or [item.question]
            texts += [*sentences, *([item.about] if item.about else [])]
            texts += [sentences[-1] + choice for choice in item.choices]
        return texts

    def whole_texts(self) -> list[tuple[str, str]]:
        """Return all alternatives: what does not fit of a question is cut at its beginning."""
        return [(item.where, choice) for item in self.items() for choice in item.choices]

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
            f"{self._dataset}/accuracy": mean(correct, items, of_decisions=True),
            f"{self._dataset}/accuracy_norm": mean(correct_norm, items, of_decisions=True),
        }
