"""Texts and pairs as `datasets` tables: Arrow on disk, memory-mapped, tokenised once a tokenizer.

A text table has the column ``ids``. A pair table has ``stereotype_ids`` and ``antistereotype_ids``
and says which of the two was found in the corpus (``original_is_stereotype``; the other is its
counterfactual) and how often the stereotype holds among real people (``real_share``). Token ids
carry no special tokens: those depend on what a text is used for.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trainables.assets import cache
from trainables.data.counterfactual import Rule, Words
from trainables.data.sources import digest, read_pairs, read_texts
from trainables.data.splits import is_held_out

if TYPE_CHECKING:
    from datasets import Dataset

    from trainables.data.tokenizer import Tokenizer

Split = Literal["replay", "held_out"]

# What a table is made by, beside its data and the tokenizer.
MADE_BY = ("data",)


def texts(name: str, split: Split, tokenizer: Tokenizer) -> Dataset:
    """General text, cut in two by digest: what is replayed is never what forgetting is measured on.

    A tenth is held out. A file has one text a line (.txt) or a `text` field (.jsonl, .csv).
    """

    def rows() -> Iterator[dict[str, Any]]:
        held_out = split == "held_out"
        kept = [row for row in read_texts(name) if is_held_out(row[0]) == held_out]
        ids = tokenizer.encode([text for _, text in kept])
        return ({"ids": each, "source": key} for each, (key, _) in zip(ids, kept, strict=True))

    nothing = (
        f"no texts {split} are left of {name}: a set must have some, and of general texts a tenth, by "
        "digest, is held out to measure on, the rest for replay."
    )
    return _table(f"texts {split} {digest(name)}", tokenizer, rows, nothing)


def pairs(
    name: str, tokenizer: Tokenizer, rule: Rule = "improved", words: Words = "gender"
) -> Dataset:
    """Return the pairs of an alignment set (see trainables/data/pairs.py), tokenised.

    A real_share that is not known is NaN.
    """

    def rows() -> Iterator[dict[str, Any]]:
        found = list(read_pairs(name, rule, words))
        stereotypes = tokenizer.encode([pair.stereotype for pair in found])
        antistereotypes = tokenizer.encode([pair.antistereotype for pair in found])
        for pair, more, less in zip(found, stereotypes, antistereotypes, strict=True):
            yield {
                "stereotype_ids": more,
                "antistereotype_ids": less,
                "original_is_stereotype": pair.original_is_stereotype,
                "real_share": math.nan if pair.real_share is None else pair.real_share,
            }

    nothing = (
        f"no pairs are left of {name}: no text has a word that swap: {rule}, words: {words} has."
    )
    return _table(f"pairs {rule} {words} {digest(name)}", tokenizer, rows, nothing)


def _table(
    what: str, tokenizer: Tokenizer, rows: Callable[[], Iterator[dict[str, Any]]], nothing: str
) -> Dataset:
    """Those rows that have tokens; an error, saying nothing's reason, if none has."""
    import datasets

    key = hashlib.sha256(
        f"{cache.source_digest(*MADE_BY)} {what} {tokenizer.digest}".encode()
    ).hexdigest()[:24]

    def build(folder: Path) -> None:
        kept = [row for row in rows() if [] not in row.values()]  # nothing to predict
        if not kept:
            raise ValueError(nothing)
        datasets.Dataset.from_list(kept).save_to_disk(str(folder))

    datasets.disable_progress_bars()
    return datasets.load_from_disk(str(cache.once(f"tables/{key}", build)))
