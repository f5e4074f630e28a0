"""Texts and pairs as tables of token ids: Arrow files in the cache, memory-mapped by `datasets`.

A set is tokenised once for each tokenizer. Token ids have no special tokens around them, because
those depend on the use of a text.

A table of texts or of articles has the columns ``ids`` and ``source`` (the key). A table of pairs has
``stereotype_ids`` and ``antistereotype_ids``, ``original_is_stereotype`` (whether the stereotype is
the text of the corpus and the other its counterfactual) and ``real_share`` (how often the stereotype
holds among real people, 0 to 1).
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

# The sources that decide what is in a table, beside its data and the tokenizer.
MADE_BY = ("data",)


def texts(name: str, split: Split, tokenizer: Tokenizer) -> Dataset:
    """Return the texts of one split of a set of general texts, as a table of token ids.

    A tenth of the sources, by digest, is held out with all its texts; the rest is for replay. A text
    of two sources may be in both: training leaves out what is measured (trainables/training/stream.py).

    Args:
        name: a known set, or a file with one text a line (.txt) or a `text` field (.jsonl, .csv).

    Raises:
        ValueError: the split has no text with tokens, or as sources.read_texts.
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """

    def tokenise() -> Iterator[dict[str, Any]]:
        """Yield the rows of the table."""
        keys_and_texts = _texts_of(name, split)
        ids_of_texts = tokenizer.encode([text for _, text in keys_and_texts])
        for ids, (key, _) in zip(ids_of_texts, keys_and_texts, strict=True):
            yield {"ids": ids, "source": key}

    return _cached_table(f"texts {split}", name, tokenizer, tokenise, _nothing_left(name, split))


def articles(name: str, split: Split, tokenizer: Tokenizer) -> Dataset:
    """Return the articles of one split of a set of general texts, as a table of token ids.

    An article is all different texts with one key, joined by a space, in their order. The rest is as
    for `texts`.
    """

    def tokenise() -> Iterator[dict[str, Any]]:
        """Yield the rows of the table."""
        texts_by_key: dict[str, dict[str, None]] = {}
        for key, text in _texts_of(name, split):
            texts_by_key.setdefault(key, {})[text] = None
        ids_of_articles = tokenizer.encode([" ".join(texts) for texts in texts_by_key.values()])
        for ids, key in zip(ids_of_articles, texts_by_key, strict=True):
            yield {"ids": ids, "source": key}

    return _cached_table(f"articles {split}", name, tokenizer, tokenise, _nothing_left(name, split))


def _texts_of(name: str, split: Split) -> list[tuple[str, str]]:
    """Return the (key, text) of one split of a set of general texts."""
    wants_held_out = split == "held_out"
    return [row for row in read_texts(name) if is_held_out(row[0]) == wants_held_out]


def _nothing_left(name: str, split: Split) -> str:
    """Return the message of the error if a split of a set of general texts is empty."""
    return (
        f"no texts {split} are left of {name}: a set must have some, and of general texts a tenth, by "
        "digest, is held out to measure on, the rest for replay."
    )


def pairs(
    name: str, tokenizer: Tokenizer, rule: Rule = "improved", words: Words = "gender"
) -> Dataset:
    """Return the pairs of an alignment set (trainables/data/pairs.py), as a table of token ids.

    A real_share that is not known is NaN.

    Args:
        name: a known set or a user's file.
        rule, words: how twins are made by swapping; unused where they are given.

    Raises:
        ValueError: there is no pair with tokens, or as sources.read_pairs.
        trainables.assets.errors.AssetError: the files of the set cannot be fetched or found.
    """

    def tokenise() -> Iterator[dict[str, Any]]:
        """Yield the rows of the table."""
        text_pairs = list(read_pairs(name, rule, words))
        stereotypes = tokenizer.encode([pair.stereotype for pair in text_pairs])
        antistereotypes = tokenizer.encode([pair.antistereotype for pair in text_pairs])
        for pair, ids, twin_ids in zip(text_pairs, stereotypes, antistereotypes, strict=True):
            yield {
                "stereotype_ids": ids,
                "antistereotype_ids": twin_ids,
                "original_is_stereotype": pair.original_is_stereotype,
                "real_share": math.nan if pair.real_share is None else pair.real_share,
            }

    reason = (
        f"no pairs are left of {name}: no text has a word that swap: {rule}, words: {words} has."
    )
    return _cached_table(f"pairs {rule} {words}", name, tokenizer, tokenise, reason)


def _cached_table(
    contents: str,
    name: str,
    tokenizer: Tokenizer,
    tokenise: Callable[[], Iterator[dict[str, Any]]],
    reason_if_empty: str,
) -> Dataset:
    """Return a table from the cache, made on the first call.

    Args:
        contents: what is taken of the data; with their digest, our sources and the tokenizer it is the
            key in the cache.
        name: of the set that the data are of.
        tokenise: yields the rows. A row without tokens, which leaves nothing to predict, is dropped.
        reason_if_empty: the message of the error if no row is left.

    Raises:
        ValueError: no row is left, or the files of the set have changed while they were read.
    """
    import datasets

    data_digest = digest(name)

    key = hashlib.sha256(
        f"{cache.source_digest(*MADE_BY)} {contents} {data_digest} {tokenizer.digest}".encode()
    ).hexdigest()[:24]

    def build(folder: Path) -> None:
        with cache.unchanged_while_read(data_digest, name, lambda: digest(name)):
            rows = [row for row in tokenise() if [] not in row.values()]
        if not rows:
            raise ValueError(reason_if_empty)
        datasets.Dataset.from_list(rows).save_to_disk(str(folder))

    datasets.disable_progress_bars()
    return datasets.load_from_disk(str(cache.once(f"tables/{key}", build)))
