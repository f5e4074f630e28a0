"""Labelled texts, some to train a classifier on and others to measure it on."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from trainables.assets import cache, hub, resolve
from trainables.assets.errors import AssetError
from trainables.data.files.kinds import ROWS, dataset_label, files_named, in_words, kind_of
from trainables.data.files.row import Row, text_in, words_in
from trainables.data.rows import read_rows, user_file, user_rows
from trainables.data.sets import miniature
from trainables.schema.faults import did_you_mean
from trainables.schema.text.shown import MAX_NAME, as_value

SETS = ("imdb", "miniature")
FIELDS = re.compile("text2?|label")  # of a user's file
# GLUE's classification tasks, and the columns that hold their one or two texts.
GLUE = {
    "cola": ("sentence",),
    "mnli": ("premise", "hypothesis"),
    "mrpc": ("sentence1", "sentence2"),
    "qnli": ("question", "sentence"),
    "qqp": ("question1", "question2"),
    "rte": ("sentence1", "sentence2"),
    "sst2": ("sentence",),
    "wnli": ("sentence1", "sentence2"),
}


class Labelled(NamedTuple):
    """One text, or two that belong together, with a label."""

    texts: tuple[str, ...]
    label: str


def check_name(name: str) -> str:
    """Return a name unchanged, if it is that of a known set, of a GLUE task, or of a file.

    Raises:
        ValueError: it is none of these, or the metric of the file would have a known set's name.
    """
    known = (*SETS, *(f"glue/{task}" for task in GLUE))
    if name in known:
        return name
    if kind_of(name) not in ROWS:
        raise ValueError(
            f"must name labelled texts that are known ({', '.join(known)}) or {in_words(ROWS)}, with "
            f"the fields text, label and, if there are two texts, text2, but got "
            f"{as_value(name, MAX_NAME)}{did_you_mean(name, [*files_named(name, ROWS), *known])}"
        )
    if dataset_label(name) in map(dataset_label, known):
        raise ValueError(
            f"must be a file whose name is not that of a known set, as metrics are named by it, but "
            f"got {as_value(name, MAX_NAME)}: rename it"
        )
    return name


def split(name: str, train: int, test: int) -> tuple[list[Labelled], list[Labelled]]:
    """Return texts to train on and texts to measure on, which are the same for every trial.

    A GLUE task has its own two splits. Any other set is cut in two halves by digest, so that no text
    is in both.

    Args:
        name: a known set, a GLUE task (`glue/TASK`), or a file.
        train, test: at most so many texts of either kind, drawn at random with a fixed seed.

    Raises:
        ValueError: a half is empty, or the texts to train on have a single label.
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """
    if name.startswith("glue/"):
        halves = [list(_read(_glue(name) / f"{part}.jsonl")) for part in ("train", "validation")]
    else:
        rows = list(dict.fromkeys(_rows(name)))  # a text that comes twice counts once
        halves = [
            [row for row in rows if _is_odd("\n".join(row.texts)) == odd] for odd in (False, True)
        ]
    train_rows, test_rows = (
        random.Random("labelled").sample(half, min(size, len(half)))
        for half, size in zip(halves, (train, test), strict=True)
    )
    if not train_rows or not test_rows or len({row.label for row in train_rows}) < 2:
        raise ValueError(
            f"{name} must have texts of at least two labels to train on and some to measure on, but "
            f"has {len(train_rows)} and {len(test_rows)}."
        )
    return train_rows, test_rows


def digest(name: str) -> str:
    """Return the sha256 of the files of a known set of labelled texts, or of a user's file.

    Raises:
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """
    if name == "miniature":
        return miniature.DIGEST
    if kind_of(name):
        return cache.digest(user_file(name))
    return cache.digest(_glue(name) if name.startswith("glue/") else resolve.resolve(name))


def _rows(name: str) -> Iterator[Labelled]:
    """Yield all texts of a set that has no splits of its own.

    The label of a general text of the miniature is that of the time in it: two of the four times
    have one label, so a classifier has to be trained to know the grouping.
    """
    if name == "miniature":
        for text in miniature.general_texts():
            yield Labelled((text,), str(miniature.TIMES.index(text.split()[-1]) % 2))
    elif kind_of(name):
        yield from map(_of_user, user_rows(name, FIELDS))
    else:
        yield from _read(resolve.resolve(name))


def _read(path: Path) -> Iterator[Labelled]:
    """Yield the texts of a published file with the fields text, label and, for pairs, text2."""
    for row in read_rows(path, "text", "label"):
        texts = [row["text"], *([row["text2"]] if row.get("text2") else [])]
        yield Labelled(tuple(map(str, texts)), str(row["label"]))


def _of_user(row: Row) -> Labelled:
    """Return the text or the two texts of a row of a user's file, with their label.

    Raises:
        ValueError: a text or the label is missing or blank, or the label is no text and no number
            that stands for a class.
    """
    texts = [words_in(row, "text")]
    if row.fields.get("text2") is not None and (text2 := text_in(row, "text2")):
        texts.append(text2)
    return Labelled(tuple(texts), _label(row))


def _label(row: Row) -> str:
    """Return the label of a row as text; the number 1.0 is the label 1.

    Raises:
        ValueError: it is neither text nor a whole number nor true or false, or is blank.
    """
    label: Any = row.fields.get("label")
    if isinstance(label, float) and label.is_integer():
        return str(int(label))
    if isinstance(label, int):
        return str(label)
    if label is None or isinstance(label, str):
        return words_in(row, "label")
    raise ValueError(
        f"{row.where}: must have a class in the field 'label', as text, a whole number, true or false, "
        f"but got {as_value(label)}."
    )


def _is_odd(text: str) -> bool:
    """Return whether the sha256 of a text begins with an odd byte, as half of all do."""
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def _glue(name: str) -> Path:
    """Return the folder of a GLUE task, with train.jsonl and validation.jsonl.

    It was put into the cache by hand, or is fetched from the Hub once.

    Raises:
        AssetError: it is not in the cache and the Hub is out of reach.
    """
    task = name.removeprefix("glue/")
    by_hand = cache.cache_dir() / "glue" / task
    if all((by_hand / f"{part}.jsonl").is_file() for part in ("train", "validation")):
        return by_hand

    def build(folder: Path) -> None:
        import datasets

        datasets.disable_progress_bars()
        for part in ("train", "validation"):
            source = "validation_matched" if (task, part) == ("mnli", "validation") else part
            table = datasets.load_dataset("nyu-mll/glue", task, split=source)
            with (folder / f"{part}.jsonl").open("w", encoding="utf-8") as file:
                for row in table:
                    texts = [row[column] for column in GLUE[task]]
                    fields = dict(zip(("text", "text2"), texts, strict=False))
                    file.write(json.dumps(fields | {"label": row["label"]}) + "\n")

    if problem := hub.hub_problem():
        raise AssetError(
            f"{as_value(name, MAX_NAME)} cannot be had, not in {by_hand}; not from the Hub "
            f"({problem}): go online, or put train.jsonl and validation.jsonl there, with the fields "
            f"text, text2 and label."
        )
    return cache.once(f"glue/{task}", build)
