"""The model of a name, kept by a process from one trial to the next."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from trainables.assets import cache
from trainables.data.tokenizer import Family
from trainables.models import pretrained
from trainables.models.allocator import keep_freed_memory
from trainables.models.language_model import LanguageModel


def load(name: str, family: Family) -> LanguageModel:
    """Return the model of a name; a process keeps the last, so that its next trial starts warm."""
    keep_freed_memory()
    path = pretrained.locate(name).resolve()
    return _kept(path, family, cache.digest(path))  # a folder may be written anew


@lru_cache(maxsize=1)
def _kept(path: Path, family: Family, digest: str) -> LanguageModel:
    return LanguageModel(path, family)
