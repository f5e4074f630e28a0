"""Load a model by its name; the process keeps the last one for its next trial."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from trainables.allocator import keep_freed_memory
from trainables.assets import cache
from trainables.data.opening import PLAIN, Opening
from trainables.data.tokenizer import Family
from trainables.determinism import make_deterministic
from trainables.models import pretrained
from trainables.models.language_model import LanguageModel


def load(name: str, family: Family, opening: Opening = PLAIN) -> LanguageModel:
    """Return the model of a name: the one loaded last if name, family, opening and files are the same.

    So a worker's next trial need not read the weights again. The model is as the last trial left it:
    call `reset` before training.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: its folder holds no model of this family, or has changed while it was read.
    """
    keep_freed_memory()
    make_deterministic()
    path = pretrained.locate(name)
    digest = cache.digest(path)  # the files may have changed
    return _load(path.absolute(), family, opening, digest)


@lru_cache(maxsize=1)
def _load(path: Path, family: Family, opening: Opening, digest: str) -> LanguageModel:
    """Return the model in a folder; the digest of the folder is a part of the key of the cache."""
    model = LanguageModel(path, family, opening)
    if model.digest != digest:
        raise cache.changed(str(path))
    return model
