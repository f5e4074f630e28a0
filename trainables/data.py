"""Texts and pairs as `datasets` tables: Arrow on disk, memory-mapped, tokenised once a tokenizer.

A text table has the column ``ids``. A pair table has ``stereotype_ids`` and ``antistereotype_ids``
and says which of the two was found in the corpus (``original_is_stereotype``); the other is its
counterfactual. Token ids carry no special tokens: those depend on what a text is used for.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from trainables import assets, cache, counterfactual, miniature
from trainables.cache import AssetError
from trainables.held_out import is_held_out
from trainables.records import records

if TYPE_CHECKING:
    from datasets import Dataset

    from trainables.model import LanguageModel

Split = Literal["replay", "held_out"]

PAIR_SETS = ("bug", "miniature")
TEXT_SETS = ("bold_wikipedia", "miniature")
SUFFIXES = (".jsonl", ".csv", ".txt")
# What a table is made by, beside its data and the tokenizer.
MADE_BY = ("data.py", "counterfactual.py", "held_out.py", "records.py", "words/*.txt")


def check_name(name: str, known: tuple[str, ...], what: str) -> str:
    """The name, if it is a set we know or a file; files are looked for where the trial runs.

    Raises:
        ValueError: it is neither.
    """
    if name in known or name.endswith(SUFFIXES):
        return name
    raise ValueError(
        f"must name {what} that are known ({', '.join(known)}) "
        f"or a file ({', '.join(SUFFIXES)}), but got {name!r}"
    )


def texts(name: str, split: Split, model: LanguageModel) -> Dataset:
    """General text, cut in two by digest: what is replayed is never what forgetting is measured on.

    A tenth is held out. A file has one text a line (.txt) or a `text` field (.jsonl, .csv).
    """

    def rows() -> Iterator[dict[str, Any]]:
        held_out = split == "held_out"
        kept = [row for row in read_texts(name) if is_held_out(row[0]) == held_out]
        ids = model.encode([text for _, text in kept])
        return ({"ids": each, "source": key} for each, (key, _) in zip(ids, kept, strict=True))

    return _table(f"texts {split} {digest(name)}", model, rows)


def pairs(name: str, model: LanguageModel) -> Dataset:
    """Stereotypes with their twins. A file has the fields stereotype and antistereotype."""
    return _table(f"pairs {digest(name)}", model, lambda: _pair_rows(name, model))


def read_pairs(name: str) -> Iterator[tuple[str, str, bool]]:
    """(stereotype, anti-stereotype, whether the stereotype is the text found in the corpus)."""
    if name == "miniature":
        yield from miniature.pairs()
    elif name == "bug":
        yield from _bug_pairs()
    else:
        for number, row in enumerate(_rows(name), start=1):
            yield (
                _field(row, "stereotype", name, number),
                _field(row, "antistereotype", name, number),
                True,
            )


def read_texts(name: str) -> Iterator[tuple[str, str]]:
    """(key, text): texts with one key, such as the sentences of an article, stay in one split."""
    if name == "miniature":
        yield from ((text, text) for text in miniature.general_texts())
    elif name == "bold_wikipedia":
        for path in sorted(assets.resolve(name).glob("*.json")):
            for articles in json.loads(path.read_text(encoding="utf-8")).values():
                for title, sentences in articles.items():
                    yield from ((title, sentence) for sentence in sentences)
    else:
        for number, row in enumerate(_rows(name), start=1):
            text = _field(row, "text", name, number)
            yield text, text


def digest(name: str) -> str:
    """sha256 of the data behind a name."""
    if name == "miniature":
        return miniature.digest()
    return cache.digest(_file(name) if name.endswith(SUFFIXES) else assets.resolve(name))


def _pair_rows(name: str, model: LanguageModel) -> Iterator[dict[str, Any]]:
    found = list(read_pairs(name))
    stereotypes = model.encode([stereotype for stereotype, _, _ in found])
    antistereotypes = model.encode([antistereotype for _, antistereotype, _ in found])
    for (_, _, original), more, less in zip(found, stereotypes, antistereotypes, strict=True):
        yield {
            "stereotype_ids": more,
            "antistereotype_ids": less,
            "original_is_stereotype": original,
        }


def _bug_pairs() -> Iterator[tuple[str, str, bool]]:
    """BUG (Levy et al. 2021): real sentences that tie an occupation to a pronoun.

    Its column `stereotype` is 1 (stereotypical), -1 (anti-stereotypical) or 0 (neither: left out).
    """
    for row in records(assets.resolve("bug"), "sentence_text", "stereotype"):
        original = _detokenised(row["sentence_text"])
        twin = counterfactual.swap(original)
        if row["stereotype"] == "1" and twin != original:
            yield original, twin, True
        elif row["stereotype"] == "-1" and twin != original:
            yield twin, original, False


def _detokenised(text: str) -> str:
    """`He said , " no " .` as people write it, near enough: spaces before punctuation go."""
    text = re.sub(r"\s+([.,;:!?%)\]]|'(?:s|re|ve|ll|d|m|t)\b|n't\b)", r"\1", text.strip())
    return re.sub(r"([(\[])\s+", r"\1", text)


def _rows(name: str) -> Iterator[dict[str, Any]]:
    path = _file(name)
    if path.suffix != ".txt":
        yield from records(path)
        return
    with path.open(encoding="utf-8") as file:
        yield from ({"text": line.strip()} for line in file if line.strip())


def _file(name: str) -> Path:
    path = Path(name).expanduser()
    if not path.is_file():
        raise AssetError(f"there is no file {name}, looked for from {Path.cwd()}: give its path.")
    return path


def _field(row: dict[str, Any], field: str, name: str, number: int) -> str:
    if not isinstance(row.get(field), str):
        raise ValueError(
            f"{name}, row {number}: must have text in the field {field!r}, but got {str(row)[:80]}."
        )
    return str(row[field])


def _table(
    what: str, model: LanguageModel, rows: Callable[[], Iterator[dict[str, Any]]]
) -> Dataset:
    import datasets

    key = hashlib.sha256(
        f"{cache.source_digest(*MADE_BY)} {what} {model.tokenizer_digest}".encode()
    ).hexdigest()[:24]

    def build(folder: Path) -> None:
        kept = [row for row in rows() if [] not in row.values()]  # nothing to predict
        if not kept:
            raise ValueError(
                f"no {' '.join(what.split()[:-1])} are left: a set must have some, and of general "
                "texts a tenth, by digest, is held out to measure on, the rest for replay."
            )
        datasets.Dataset.from_list(kept).save_to_disk(str(folder))

    datasets.disable_progress_bars()
    return datasets.load_from_disk(str(cache.once(f"tables/{key}", build)))
