"""CrowS-Pairs: pairs of a more and a less stereotypical sentence, in nine kinds of bias."""

from typing import Literal

from trainables.assets import resolve
from trainables.data.rows import read_rows

BiasType = Literal[
    "gender", "race-color", "religion", "socioeconomic", "nationality", "age",
    "disability", "sexual-orientation", "physical-appearance", "all",
]  # fmt: skip


def sentence_pairs(bias_type: BiasType) -> list[tuple[str, str]]:
    """Return (sent_more, sent_less) of each pair of a kind of bias, as the official file has them.

    The first sentence of a pair is the more stereotypical one.

    Source: Nangia et al. 2020 (arXiv 2010.00133).

    Raises:
        ValueError: a row lacks a field, or a sentence is blank.
        trainables.assets.errors.AssetError: the file cannot be fetched.
    """
    path = resolve.resolve("crows_pairs")
    pairs = [
        (row["sent_more"], row["sent_less"])
        for row in read_rows(path, "sent_more", "sent_less", "bias_type")
        if bias_type in ("all", row["bias_type"])
    ]
    for number, pair in enumerate(pairs, start=1):
        if not all(map(str.strip, pair)):
            raise ValueError(f"{path}: every sentence must have words, but pair {number} has none.")
    return pairs
