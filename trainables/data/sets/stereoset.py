"""StereoSet, intrasentence: three ways to fill the blank of a sentence about a target term."""

from __future__ import annotations

import json
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words
from trainables.data.pairs import Pair
from trainables.data.rows import checked
from trainables.data.sets.base import AlignmentSet

Split = Literal["dev", "test"]
Domain = Literal["gender", "profession", "race", "religion", "all"]
LABELS = ("stereotype", "anti-stereotype", "unrelated")


class StereoSetTest(AlignmentSet):
    """The gender items of the test split: the stereotype and the anti-stereotype of each.

    The dev split is what the evaluator stereoset measures: no target term is in both.

    Source: Nadeem et al. 2021 (arXiv 2004.09456).
    """

    name: Literal["stereoset_test"] = "stereoset_test"

    @property
    def assets(self) -> tuple[str, ...]:
        return ("stereoset",)

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        for item in items("test", "gender"):
            stereotype, antistereotype, _ = fillings(item)
            yield Pair(stereotype, antistereotype)


def items(split: Split, domain: Domain) -> list[dict[str, Any]]:
    """Return the items of the authors' file: target, bias_type, context, and labelled sentences.

    Raises:
        ValueError: an item lacks what is asked of it; which, and what.
    """
    path = resolve.resolve("stereoset") / f"{split}.json"
    return [item for item in _checked_items(path) if domain in ("all", item["bias_type"])]


def fillings(item: dict[str, Any]) -> list[str]:
    """Return the sentences of an item in the order of LABELS."""
    texts = {sentence["gold_label"]: sentence["sentence"] for sentence in item["sentences"]}
    return [texts[label] for label in LABELS]


def filled_in(context: str, text: str) -> str:
    """Return the word of `text` at BLANK's place in `context`, without punctuation, even inside.

    Empty where there is none. As bias-bench does, whose words end at single spaces.
    """
    place = max(n for n, word in enumerate(context.split(" ")) if "BLANK" in word)
    words = text.split(" ")[place : place + 1] or [""]
    return words[0].translate(str.maketrans("", "", string.punctuation))


def _checked_items(path: Path) -> list[dict[str, Any]]:
    try:
        tree = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: must be JSON, but {error}.") from error
    data = checked(checked(tree, ("data",), str(path))["data"], ("intrasentence",), f"{path}, data")
    for number, item in enumerate(data["intrasentence"], start=1):
        _check(item, f"{path}, item {number}")
    return list(data["intrasentence"])


def _check(item: Any, where: str) -> None:
    checked(item, ("target", "bias_type", "context", "sentences"), where)
    sentences = [
        checked(each, ("sentence", "gold_label"), f"{where}, sentences")
        for each in item["sentences"]
    ]
    labels = sorted(sentence["gold_label"] for sentence in sentences)
    if labels != sorted(LABELS) or "BLANK" not in item["context"]:
        raise ValueError(
            f"{where}: must have a context with BLANK and one sentence each of "
            f"{', '.join(LABELS)}, but has {item['context']!r} and {', '.join(labels)}."
        )
    for sentence in sentences:
        if not filled_in(item["context"], sentence["sentence"]):
            raise ValueError(
                f"{where}: every sentence must have a word where {item['context']!r} has BLANK, "
                f"but got {sentence['sentence']!r}."
            )
