"""Labelled texts, of which a classifier learns some and is measured on others."""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from trainables.assets import cache, hub, resolve
from trainables.assets.errors import AssetError
from trainables.data.rows import records
from trainables.data.sets import miniature

SETS = ("imdb", "miniature")
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
    """One text, or a pair, and what it is."""

    texts: tuple[str, ...]
    label: str


def check_name(name: str) -> str:
    """The name of a set that is known, of a GLUE task, or of a file.

    Raises:
        ValueError: it is none of these.
    """
    glue = [f"glue/{task}" for task in GLUE]
    if name in (*SETS, *glue) or name.endswith((".jsonl", ".csv")):
        return name
    raise ValueError(
        f"must name labelled texts that are known ({', '.join((*SETS, *glue))}) or a file (.jsonl, "
        f".csv) with the fields text, label and, if there are two texts, text2, but got {name!r}"
    )


def label_of(name: str) -> str:
    """What the set is called in the names of metrics."""
    said = Path(name).stem if name.endswith((".jsonl", ".csv")) else name
    return re.sub(r"[^\w .:-]", "_", said)  # what MLflow takes


def split(name: str, train: int, test: int) -> tuple[list[Labelled], list[Labelled]]:
    """Texts to learn and texts to measure on: the same for every trial, and never the same text.

    GLUE's own splits where it has them; anything else is cut by digest, a half for either.

    Raises:
        ValueError: a half is empty, or only one label is to be learnt.
        trainables.assets.errors.AssetError: the set cannot be had.
    """
    if name.startswith("glue/"):
        halves = [list(_read(_glue(name) / f"{part}.jsonl")) for part in ("train", "validation")]
    else:
        rows = list(dict.fromkeys(_rows(name)))
        halves = [
            [row for row in rows if _is_odd("\n".join(row.texts)) == odd] for odd in (False, True)
        ]
    learnt, measured = (
        random.Random("labelled").sample(half, min(size, len(half)))
        for half, size in zip(halves, (train, test), strict=True)
    )
    if not learnt or not measured or len({row.label for row in learnt}) < 2:
        raise ValueError(
            f"{name} must have texts of at least two labels to learn and some to measure on, but "
            f"has {len(learnt)} and {len(measured)}."
        )
    return learnt, measured


def digest(name: str) -> str:
    """sha256 of the data behind a name."""
    if name == "miniature":
        return miniature.DIGEST
    return cache.digest(_glue(name) if name.startswith("glue/") else resolve.resolve(name))


def _rows(name: str) -> Iterator[Labelled]:
    if name == "miniature":
        for text in miniature.general_texts():
            # When it was: two of the four times are one label, so the grouping has to be learnt.
            yield Labelled((text,), str(miniature.TIMES.index(text.split()[-1]) % 2))
    else:
        yield from _read(resolve.resolve(name))


def _read(path: Path) -> Iterator[Labelled]:
    for row in records(path, "text", "label"):
        texts = [row["text"], *([row["text2"]] if row.get("text2") else [])]
        yield Labelled(tuple(map(str, texts)), str(row["label"]))


def _is_odd(text: str) -> bool:
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def _glue(name: str) -> Path:
    """The folder of a GLUE task, put there by hand or fetched from the Hub once."""
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
                    keys = ("text", "text2")
                    texts = dict(zip(keys, _texts(row, GLUE[task]), strict=False))
                    file.write(json.dumps(texts | {"label": row["label"]}) + "\n")

    if problem := hub.hub_problem():
        raise AssetError(
            f"{name!r} cannot be had, not in {by_hand}; not from the Hub ({problem}): go online, or "
            f"put train.jsonl and validation.jsonl there, with the fields text, text2 and label."
        )
    return cache.once(f"glue/{task}", build)


def _texts(row: dict[str, Any], columns: Sequence[str]) -> list[str]:
    return [row[column] for column in columns]
