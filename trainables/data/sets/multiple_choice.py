"""Multiple choice: questions, their alternatives, and the right one, in the words of
lm-evaluation-harness 0.4.13.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, NamedTuple

from trainables.assets import resolve
from trainables.data.rows import records
from trainables.data.sets import miniature

OPTION = re.compile(r"^[A-Z]\.\s*")


class Item(NamedTuple):
    """A question, its alternatives (each with the space that joins it on), and the right one.

    about: the passage, where several questions may be about one; they count together.
    """

    question: str
    choices: list[str]
    answer: int
    about: str | None = None


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


def hellaswag(path: str) -> list[Item]:
    """Return the items of the authors' file hellaswag_val.jsonl.

    Raises:
        ValueError: an item is not of texts, or has no label.
    """

    def cleaned(text: str) -> str:  # the brackets are left over from WikiHow
        text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
        return text.replace("  ", " ")

    items = []
    fields = ("activity_label", "ctx_a", "ctx_b", "endings", "label")
    for row in records(resolve.resolve(path), *fields):
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
    return list(records(resolve.resolve(name), "question", "answer", *more))


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
