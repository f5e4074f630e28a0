"""CrowS-Pairs: pairs of a more and a less stereotypical sentence, in nine kinds of bias."""

from typing import Literal, NamedTuple

from trainables.assets import resolve
from trainables.data.rows import read_rows

BiasType = Literal[
    "gender", "race-color", "religion", "socioeconomic", "nationality", "age",
    "disability", "sexual-orientation", "physical-appearance", "all",
]  # fmt: skip


class SentencePair(NamedTuple):
    """The two sentences of a pair.

    more, less: the more and the less stereotypical sentence, as the official file has them.
    less_is_first: whether published code has them as (less, more), which it does unless the file says
        that the pair was written as a stereotype. How their tokens are aligned depends on the order.
    """

    more: str
    less: str
    less_is_first: bool


def sentence_pairs(bias_type: BiasType) -> list[SentencePair]:
    """Return the pairs of a kind of bias, in the order of the official file.

    Source: Nangia et al. 2020 (arXiv 2010.00133).

    Raises:
        ValueError: a row lacks a field, or a sentence is blank.
        trainables.assets.errors.AssetError: the file cannot be fetched.
    """
    path = resolve.resolve("crows_pairs")
    pairs = [
        SentencePair(row["sent_more"], row["sent_less"], row["stereo_antistereo"] != "stereo")
        for row in read_rows(path, "sent_more", "sent_less", "stereo_antistereo", "bias_type")
        if bias_type in ("all", row["bias_type"])
    ]
    for number, pair in enumerate(pairs, start=1):
        if not (pair.more.strip() and pair.less.strip()):
            raise ValueError(f"{path}: every sentence must have words, but pair {number} has none.")
    return pairs
