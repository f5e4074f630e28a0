"""Find a base model by its name, and describe it without reading its weights.

A name is one of the miniatures, a catalogued name, a folder, or OWNER/REPO on the Hugging Face Hub.
"""

from __future__ import annotations

import difflib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.assets import cache, catalogue, resolve
from trainables.assets.errors import AssetError
from trainables.data.sets.miniature import DIGEST
from trainables.models import miniature
from trainables.models.folder import family_in, read_model

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family, Tokenizer
    from trainables.models.architecture import Structure


def locate(name: str) -> Path:
    """Return the folder of a model: pretrained now (miniatures), or fetched if need be.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
    """
    return miniature.folder(name) if name in miniature.MODELS else _resolved(name)


def digest(name: str) -> str:
    """Return the sha256 of a model's folder; for a miniature, of the texts it is pretrained on."""
    return DIGEST if name in miniature.MODELS else cache.digest(_resolved(name))


def family_of(name: str) -> Family:
    """Return the family of a model.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: the name is that of a folder without a model, or with one of neither family.
    """
    if name in miniature.MODELS:
        return miniature.MODELS[name]
    return family_in(_resolved(name))


def look_through(name: str, family: Family) -> tuple[Tokenizer, Structure]:
    """Return the tokenizer and the modules of a model, after a look at all of its weights.

    None of them is kept, so that any model can be looked through on any machine. How many positions the
    model has is not known from this, and the tokenizer says UNLIMITED.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: a trial could not load its folder: see folder.read_model and Tokenizer.
    """
    folder = locate(name).resolve()
    return _look_through(folder, family, cache.digest(folder))  # its files may have changed


@lru_cache(maxsize=8)
def _look_through(folder: Path, family: Family, digest: str) -> tuple[Tokenizer, Structure]:
    """Return what look_through does for a folder; the digest is a part of the key of the cache."""
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.architecture import UNLIMITED, structure_of

    hf_tokenizer, module = read_model(folder, family, weightless=True)
    vocab_size = module.config.get_text_config().vocab_size
    tokenizer = Tokenizer(
        hf_tokenizer, folder, family, vocab_size=vocab_size, num_positions=UNLIMITED
    )
    return tokenizer, structure_of(module)


def _resolved(name: str) -> Path:
    """Return the folder of a model that is no miniature, fetched if need be.

    Raises:
        AssetError: no model has this name, or it cannot be fetched; the sentence has the known names.
    """
    assets = catalogue.CATALOGUE.items()
    known = [*miniature.MODELS, *(key for key, asset in assets if asset.hub)]
    if name not in known and "/" not in name and not Path(name).expanduser().exists():
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise AssetError(
            f"{name!r} is neither a folder nor a known model{hint}: give the folder of a model, "
            f"OWNER/REPO on the Hub, or one of {', '.join(known)}."
        )
    return resolve.resolve(name)
