"""A user's file of multiple-choice items."""

from __future__ import annotations

import re
import string
from typing import Any, Literal

from trainables.data.files.row import Row, sound_text, text_in, words_in
from trainables.data.rows import user_rows
from trainables.data.sets.multiple_choice import Item
from trainables.data.text import as_read
from trainables.schema.plain_json import from_json
from trainables.schema.text.shown import as_value

Prompt = Literal["question", "plain"]
COLUMN = re.compile(r"choice_\d+")
FIELDS = re.compile(rf"passage|question|choices|{COLUMN.pattern}|answer")
FORMS = 'a list of texts, in a table as JSON (["…", "…"]) or in columns choice_1, choice_2, …'


def question_items(name: str, prompt: Prompt) -> list[Item]:
    r"""Return the items of a file, which has the fields question, choices and answer.

    An item may have a passage that it is about; items about one passage count together in a standard
    error. The text before a choice, from which a space separates it, is

    question:  [PASSAGE\n]Question: QUESTION\nAnswer:
    plain:     [PASSAGE\n]QUESTION, which the choices continue.

    Args:
        name: the path of the file.

    Raises:
        ValueError: a question or a choice is missing, blank or no sound text, two choices are the
            same, or the answer is none of them; the message has the row.
        trainables.assets.errors.AssetError: there is no such file.
    """
    return [_item(row, prompt) for row in user_rows(name, FIELDS)]


def _item(row: Row, prompt: Prompt) -> Item:
    """Return the item of a row.

    Raises:
        ValueError: as question_items.
    """
    question, choices = words_in(row, "question"), _choices(row)
    has_passage = row.fields.get("passage") is not None
    passage = (has_passage and text_in(row, "passage")) or None
    lead = f"{passage}\n" if passage else ""
    asked = f"Question: {question}\nAnswer:" if prompt == "question" else question
    spaced = [f" {choice}" for choice in choices]
    return Item(lead + asked, spaced, _answer(row, choices), passage, row.where)


def _choices(row: Row) -> list[str]:
    """Return the choices of a row without the blanks around them.

    Raises:
        ValueError: there are less than two, one is blank or no sound text, or two are the same.
    """
    listed: Any = row.fields.get("choices")
    if listed is None:
        columns = sorted(filter(COLUMN.fullmatch, row.fields), key=lambda name: int(name[7:]))
        listed = [row.fields[name] for name in columns]
        while listed and not str(listed[-1] or "").strip():  # a question with fewer choices
            listed.pop()
    elif isinstance(listed, str):
        try:
            listed = from_json(listed)
        except ValueError:
            listed = row.fields["choices"]
    if not isinstance(listed, list) or len(listed) < 2:
        got = "none" if not listed else as_value(listed)
        raise ValueError(f"{row.where}: must have two or more choices, {FORMS}, but got {got}.")
    choices = [sound_text(choice, row.where, "every choice") for choice in listed]
    as_all_read = set(map(as_read, choices))
    if "" in as_all_read or len(as_all_read) < len(choices):
        raise ValueError(
            f"{row.where}: every choice must have words and differ from the others, but got "
            f"{as_value(choices)}."
        )
    return choices


def _answer(row: Row, choices: list[str]) -> int:
    """Return the place of the right choice, from 0.

    The field answer is the text of the right choice, its letter (A is the first), or its number
    counted from 0. It must not mean one choice as a text and another as a letter or a number.

    Raises:
        ValueError: it is none of these, or could mean two choices.
    """
    answer = row.fields.get("answer")
    if isinstance(answer, float) and answer.is_integer():
        answer = int(answer)
    text = str(answer) if isinstance(answer, int) else words_in(row, "answer")
    letters = string.ascii_uppercase[: len(choices)]
    numbers = list(map(str, range(len(choices))))
    texts = list(map(as_read, choices))
    readings = [texts, [*letters] if isinstance(answer, str) else [], numbers]
    if as_read(text) not in texts:  # `A` may be written for the text `a`
        readings.append([one.upper() if len(one) == 1 else one for one in texts])
    places = {reading.index(as_read(text)) for reading in readings if as_read(text) in reading}
    if len(places) == 1:
        return places.pop()
    problem = "could mean two of them" if places else "is none of them"
    raise ValueError(
        f"{row.where}: the answer must be the text of the right choice, its letter (A, B, …) or its "
        f"number counted from 0, but {as_value(answer)} {problem}: {as_value(choices)}."
    )
