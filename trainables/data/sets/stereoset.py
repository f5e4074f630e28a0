"""StereoSet, intrasentence: items with a target term and three sentences that fill a blank."""

from __future__ import annotations

import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from trainables.assets import resolve
from trainables.data.counterfactual import Rule, Words
from trainables.data.pairs import Pair
from trainables.data.rows import checked_row
from trainables.data.sets.base import AlignmentSet
from trainables.schema.plain_json import from_json
from trainables.schema.text.shown import as_value

Split = Literal["dev", "test"]
Domain = Literal["gender", "profession", "race", "religion", "all"]
LABELS = ("stereotype", "anti-stereotype", "unrelated")


class StereoSetTest(AlignmentSet):
    """The stereotype and the anti-stereotype of each gender item of the test split.

    The evaluator `stereoset` measures on the dev split. No target term is in both splits.

    Source: Nadeem et al. 2021 (arXiv 2004.09456).
    """

    name: Literal["stereoset_test"] = "stereoset_test"

    @property
    def assets(self) -> tuple[str, ...]:
        """StereoSet, of which this is the test split."""
        return ("stereoset",)

    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield the stereotype and the anti-stereotype of each item."""
        for item in items("test", "gender"):
            stereotype, antistereotype, _ = fillings(item)
            yield Pair(stereotype, antistereotype)


def items(split: Split, domain: Domain) -> list[dict[str, Any]]:
    """Return the items of a split and a domain as the authors' file has them.

    An item has a target (term), a bias_type, a context with BLANK in it, and three sentences, each
    with a gold_label of LABELS.

    Raises:
        ValueError: the file is no JSON, or an item is not of this form; the message has its number.
        trainables.assets.errors.AssetError: the file cannot be fetched.
    """
    path = resolve.resolve("stereoset") / f"{split}.json"
    return [item for item in _checked_items(path) if domain in ("all", item["bias_type"])]


def fillings(item: dict[str, Any]) -> list[str]:
    """Return an item's sentences in the order stereotype, anti-stereotype, unrelated (LABELS)."""
    texts = {sentence["gold_label"]: sentence["sentence"] for sentence in item["sentences"]}
    return [texts[label] for label in LABELS]


def word_at_blank(context: str, text: str) -> str:
    """Return the word of a sentence that stands where its context has BLANK; "" if there is none.

    Punctuation is dropped, also inside of the word. Words end at single spaces, as in bias-bench.

    >>> word_at_blank("My BLANK neighbour.", "My senior-aged neighbour.")
    'senioraged'
    """
    place = max(n for n, word in enumerate(context.split(" ")) if "BLANK" in word)
    words = text.split(" ")[place : place + 1] or [""]
    return words[0].translate(str.maketrans("", "", string.punctuation))


def _checked_items(path: Path) -> list[dict[str, Any]]:
    """Return the intrasentence items of a file, each checked for its form.

    Raises:
        ValueError: the file is no JSON, or an item is not of the official form.
    """
    try:
        tree = from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: must be JSON, but {error}.") from error
    data = checked_row(tree, ("data",), str(path))["data"]
    data = checked_row(data, ("intrasentence",), f"{path}, data")
    for number, item in enumerate(data["intrasentence"], start=1):
        _check(item, f"{path}, item {number}")
    return list(data["intrasentence"])


def _check(item: Any, where: str) -> None:
    """Raise ValueError if an item is not of the official form.

    Args:
        where: the file and the number of the item, for the error.
    """
    checked_row(item, ("target", "bias_type", "context", "sentences"), where)
    sentences = [
        checked_row(sentence, ("sentence", "gold_label"), f"{where}, sentences")
        for sentence in item["sentences"]
    ]
    labels = sorted(sentence["gold_label"] for sentence in sentences)
    if labels != sorted(LABELS) or "BLANK" not in item["context"]:
        raise ValueError(
            f"{where}: must have a context with BLANK and one sentence each of "
            f"{', '.join(LABELS)}, but has {as_value(item['context'])} and {', '.join(labels)}."
        )
    for sentence in sentences:
        if not word_at_blank(item["context"], sentence["sentence"]):
            raise ValueError(
                f"{where}: every sentence must have a word where {as_value(item['context'])} has "
                f"BLANK, but got {as_value(sentence['sentence'])}."
            )
