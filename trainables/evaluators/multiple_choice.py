"""Zero-shot multiple choice by log-likelihood: what the model can still do."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from trainables import assets, cache, miniature
from trainables.metrics import Metric, declare
from trainables.records import records
from trainables.strict import Strict

if TYPE_CHECKING:
    from trainables.estimate import Estimate
    from trainables.model import LanguageModel

LEAD = re.compile(r"^(?:Question|Q|Answer|A): *")
OPTION = re.compile(r"^[A-Z]\.\s*")


class Item(NamedTuple):
    """A question, its alternatives (each with the space that joins it on), and the right one.

    about: the passage, where several questions may be about one; they count together.
    """

    question: str
    choices: list[str]
    answer: int
    about: str | None = None


class MultipleChoice(Strict):
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
            return miniature.digest()
        return cache.digest(assets.resolve(self.path or self.task))

    def items(self) -> list[Item]:
        """The first `limit` items.

        Raises:
            ValueError: an item lacks what it needs.
        """
        found = READERS[self.task]() if self.path is None else _hellaswag(self.path)
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
        from trainables.estimate import Items, mean

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


def scores(model: LanguageModel, items: Sequence[Item]) -> list[list[float]]:
    """Σ log p, in nats, of each alternative of each item after its question."""
    from trainables.likelihood import log_probs, queries_of

    groups = []
    for number, item in enumerate(items, start=1):
        # Spaces that end a question belong to the alternative, and both are encoded as one text
        # and cut where the question ends, as lm-evaluation-harness does.
        question = item.question.rstrip()
        (before,) = model.tokenizer.encode([question])
        for whole in model.tokenizer.encode([item.question + choice for choice in item.choices]):
            answer = whole[len(before) :]
            if not answer:  # Σ over nothing is 0, which would be the likeliest of all
                raise ValueError(
                    f"item {number}: every alternative must have a token after the question, but "
                    f"one of {item.choices} has none."
                )
            groups.append(queries_of(model.tokenizer, answer, whole[: len(before)]))
    found = iter(map(math.fsum, log_probs(model, groups)))
    return [[next(found) for _ in item.choices] for item in items]


def chosen(scores: list[float]) -> int | None:
    """The first of the likeliest; None where a score is NaN, as a diverged model chooses nothing."""
    return None if any(map(math.isnan, scores)) else scores.index(max(scores))


def is_right(scores: list[float], answer: int) -> float:
    """1 or 0, or NaN where nothing is chosen."""
    choice = chosen(scores)
    return math.nan if choice is None else float(choice == answer)


def _piqa() -> list[Item]:
    return [
        Item(f"Question: {row['question']}\nAnswer:", *_options(row))
        for row in _rows("piqa", "options")
    ]


def _openbookqa() -> list[Item]:
    return [Item(row["question"], *_options(row)) for row in _rows("openbookqa", "options")]


def _boolq() -> list[Item]:
    return [
        Item(
            f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:",
            [" no", " yes"],
            _place(["False", "True"], row["answer"]),
            about=row["passage"],
        )
        for row in _rows("boolq", "passage")
    ]


def _siqa() -> list[Item]:
    return [
        Item(f"Q: {row['passage']} {row['question']}\nA:", *_options(row), about=row["passage"])
        for row in _rows("siqa", "passage", "options")
    ]


def _commonsenseqa() -> list[Item]:
    # A few of its 1,221 rows are cut up wrongly in the package: they lack the answer, or options.
    rows = [
        row
        for row in _rows("commonsenseqa", "options")
        if len(listed := row["options"].strip().split("\n")) == 5
        and row["answer"].strip() in map(str.strip, listed)
    ]
    return [_by_letter(row, "Question: ") for row in rows]


def _mmlu_tiny() -> list[Item]:
    return [_by_letter(row, "") for row in _rows("mmlu_tiny", "options")]


def _by_letter(row: dict[str, Any], lead: str) -> Item:
    """The alternatives are read in the question and chosen by their letter."""
    choices, answer = _options(row)
    letters = string.ascii_uppercase[: len(choices)]
    listed = "".join(
        f"\n{letter}.{choice}" for letter, choice in zip(letters, choices, strict=True)
    )
    question = f"{lead}{row['question'].strip()}{listed}\nAnswer:"
    return Item(question, [f" {letter}" for letter in letters], answer)


def _hellaswag(path: str) -> list[Item]:
    def cleaned(text: str) -> str:  # the brackets are left over from WikiHow
        text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
        return text.replace("  ", " ")

    items = []
    fields = ("activity_label", "ctx_a", "ctx_b", "endings", "label")
    for row in records(assets.resolve(path), *fields):
        endings = row["endings"]
        texts = [row["activity_label"], row["ctx_a"], row["ctx_b"], *endings]
        if not isinstance(endings, list) or not all(isinstance(text, str) for text in texts):
            raise ValueError(f"{path}: every item must be of texts, with a list of endings: {row}.")
        context = f"{row['activity_label']}: {row['ctx_a']} {row['ctx_b'].capitalize()}"
        endings = [f" {cleaned(ending)}" for ending in row["endings"]]
        places = list(map(str, range(len(endings))))
        if str(row["label"]) not in places:
            raise ValueError(
                f"{path}: every label must be the place of the right one of {len(endings)} endings, "
                f"0 to {len(endings) - 1}, but got {row['label']!r} (the test file has none)."
            )
        items.append(Item(cleaned(context), endings, places.index(str(row["label"]))))
    return items


def _miniature_facts() -> list[Item]:
    return [  # the answer last, so that a model to which all are alike is not always right
        Item(question, [f" {word}" for word in (*others, answer)], len(others))
        for question, answer, others in miniature.facts()
    ]


def _rows(name: str, *more: str) -> list[dict[str, Any]]:
    return list(records(assets.resolve(name), "question", "answer", *more))


def _options(row: dict[str, Any]) -> tuple[list[str], int]:
    r"""'A. one\nB. two' and the right one, repeated with its letter."""
    options = str(row["options"]).strip().split("\n")
    texts = [" " + OPTION.sub("", option).strip() for option in options]
    return texts, _place([option.strip() for option in options], str(row["answer"]).strip())


def _place(options: list[str], answer: str) -> int:
    if answer not in options:
        raise ValueError(f"the answer must be one of the options {options}, but got {answer!r}.")
    return options.index(answer)


READERS: dict[str, Callable[[], list[Item]]] = {
    "piqa": _piqa,
    "openbookqa": _openbookqa,
    "boolq": _boolq,
    "siqa": _siqa,
    "commonsenseqa": _commonsenseqa,
    "mmlu_tiny": _mmlu_tiny,
    "miniature_facts": _miniature_facts,
}
NUM_CHOICES = {
    "piqa": 2,
    "boolq": 2,
    "siqa": 3,
    "openbookqa": 4,
    "mmlu_tiny": 4,
    "hellaswag": 4,
    "commonsenseqa": 5,
    "miniature_facts": miniature.NUM_CHOICES,
}
