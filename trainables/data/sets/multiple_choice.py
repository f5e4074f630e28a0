"""Multiple-choice tasks: questions, their alternatives and the right one.

The prompts are those of lm-evaluation-harness 0.4.13.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from typing import Any, NamedTuple

from trainables.assets import resolve
from trainables.data.files.row import sound_text, text_in
from trainables.data.rows import checked_row, read_rows, user_rows
from trainables.data.sets import miniature
from trainables.schema.text.shown import as_value

OPTION = re.compile(r"^[A-Z]\.\s*")


class Item(NamedTuple):
    """A question with its alternatives.

    Attributes:
        question: the prompt.
        choices: the alternatives, each with the space that joins it to the prompt.
        answer: the index of the right one.
        about: the passage that the question is about; None without a passage. Several questions
            about one passage are one cluster in a standard error.
        where: the user's file and the place in it, for sentences; empty for other items.
    """

    question: str
    choices: list[str]
    answer: int
    about: str | None = None
    where: str = ""


def _piqa() -> list[Item]:
    """Return the items of PIQA."""
    return [
        Item(f"Question: {row['question']}\nAnswer:", *_options(row))
        for row in _rows("piqa", "options")
    ]


def _openbookqa() -> list[Item]:
    """Return the items of OpenBookQA."""
    return [Item(row["question"], *_options(row)) for row in _rows("openbookqa", "options")]


def _boolq() -> list[Item]:
    """Return the items of BoolQ, whose alternatives are no and yes."""
    return [
        Item(
            f"{row['passage']}\nQuestion: {row['question']}?\nAnswer:",
            [" no", " yes"],
            _index_of_answer(["False", "True"], row["answer"]),
            about=row["passage"],
        )
        for row in _rows("boolq", "passage")
    ]


def _siqa() -> list[Item]:
    """Return the items of SIQA."""
    return [
        Item(f"Q: {row['passage']} {row['question']}\nA:", *_options(row), about=row["passage"])
        for row in _rows("siqa", "passage", "options")
    ]


def _commonsenseqa() -> list[Item]:
    """Return the items of CommonsenseQA that have five alternatives, the right one among them."""
    # A few of its 1,221 rows are cut up wrongly in the package: they lack the answer, or options.
    rows = [
        row
        for row in _rows("commonsenseqa", "options")
        if len(options := row["options"].strip().split("\n")) == 5
        and row["answer"].strip() in map(str.strip, options)
    ]
    return [_by_letter(row, "Question: ") for row in rows]


def _mmlu_tiny() -> list[Item]:
    """Return the items of the small MMLU: ten questions in each of 57 subjects."""
    return [_by_letter(row, "") for row in _rows("mmlu_tiny", "options")]


def _by_letter(row: dict[str, Any], lead: str) -> Item:
    """Return an item whose question lists the alternatives, and whose choices are their letters.

    Args:
        lead: the text before the question.
    """
    choices, answer = _options(row)
    letters = string.ascii_uppercase[: len(choices)]
    listed_choices = "".join(
        f"\n{letter}.{choice}" for letter, choice in zip(letters, choices, strict=True)
    )
    question = f"{lead}{row['question'].strip()}{listed_choices}\nAnswer:"
    return Item(question, [f" {letter}" for letter in letters], answer)


def hellaswag(path: str) -> list[Item]:
    """Return the items of the authors' file hellaswag_val.jsonl, which lies at this path.

    Raises:
        ValueError: an item is not of sound texts, or its label is no index of its endings.
        trainables.assets.errors.AssetError: there is no such file.
    """

    def cleaned(text: str) -> str:
        """Return a text without the brackets that are left over from WikiHow."""
        text = re.sub(r"\[.*?\]", "", text.strip().replace(" [title]", ". "))
        return text.replace("  ", " ")

    items = []
    fields = ("activity_label", "ctx_a", "ctx_b", "endings", "label")
    for row in user_rows(path, re.compile("|".join(fields))):
        item = checked_row(row.fields, fields, row.where)
        topic, first, second, endings, label = (item[field] for field in fields)
        for field in fields[:3]:
            text_in(row, field)
        if not isinstance(endings, list):
            raise ValueError(
                f"{row.where}: must have a list of endings, but got {as_value(endings)}."
            )
        choices = [f" {cleaned(sound_text(text, row.where, 'every ending'))}" for text in endings]
        labels = list(map(str, range(len(choices))))
        if str(label) not in labels:
            raise ValueError(
                f"{row.where}: the label must be the place of the right one of {len(choices)} endings, "
                f"0 to {len(choices) - 1}, but got {as_value(label)} (the test file has none)."
            )
        context = cleaned(f"{topic}: {first} {second.capitalize()}")
        items.append(Item(context, choices, labels.index(str(label)), where=row.where))
    return items


def _miniature_facts() -> list[Item]:
    """Return the facts of the miniature as items, with the answer last.

    A model that finds all alternatives equally likely, and takes the first, is then not always right.
    """
    return [
        Item(question, [f" {word}" for word in (*others, answer)], len(others))
        for question, answer, others in miniature.facts()
    ]


def _rows(name: str, *fields: str) -> list[dict[str, Any]]:
    """Return the rows of an asset, each with a question, an answer and these further fields."""
    return list(read_rows(resolve.resolve(name), "question", "answer", *fields))


def _options(row: dict[str, Any]) -> tuple[list[str], int]:
    r"""Return the alternatives of a row without their letters, and the index of the right one.

    A row has options as 'A. one\nB. two', and repeats the right one as its answer, letter included.

    Raises:
        ValueError: the answer is none of the options.
    """
    options = str(row["options"]).strip().split("\n")
    texts = [" " + OPTION.sub("", option).strip() for option in options]
    stripped = [option.strip() for option in options]
    return texts, _index_of_answer(stripped, str(row["answer"]).strip())


def _index_of_answer(options: list[str], answer: str) -> int:
    """Return the index of the answer among the options.

    Raises:
        ValueError: it is none of them.
    """
    if answer not in options:
        raise ValueError(
            f"the answer must be one of the options {options}, but got {as_value(answer)}."
        )
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
