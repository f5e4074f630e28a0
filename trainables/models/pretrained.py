"""Find a base model by its name, and describe it without reading its weights.

A name is one of the miniatures, a catalogued name, a folder, or OWNER/REPO on the Hugging Face Hub.
"""

from __future__ import annotations

import difflib
import json
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.assets import cache, catalogue, resolve
from trainables.assets.errors import AssetError
from trainables.data.opening import Opening
from trainables.data.sets.miniature import DIGEST
from trainables.models import miniature
from trainables.models.folder import family_in, linear_in, read_architecture, read_tokenizer

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family

NUM_BLOCKS_KEYS = ("num_hidden_layers", "n_layer", "num_layers")  # in config.json


def locate(name: str) -> Path:
    """Return the folder of a model: pretrained now (miniatures), or fetched if need be.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
    """
    return miniature.folder(name) if name in miniature.MODELS else _resolved(name)


def digest(name: str) -> str:
    """Return the sha256 of a model's folder; for a miniature, of the texts it is pretrained on."""
    return DIGEST if name in miniature.MODELS else cache.digest(_resolved(name))


def family_of(name: str) -> Family | None:
    """Return the family of a model; None where its architecture's name tells neither (GPT-2's).

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: the name is that of a folder without a model.
    """
    if name in miniature.MODELS:
        return miniature.MODELS[name]
    return family_in(_resolved(name))


@lru_cache(maxsize=8)
def start_of(name: str, opening: Opening) -> str:
    """Return what a causal model reads before a text, as a text; empty if it reads nothing.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: its tokenizer cannot be loaded, or lacks what the opening needs.
    """
    hf = read_tokenizer(locate(name))
    return str(hf.decode(opening.ids(hf)))


def num_blocks(name: str) -> int:
    """Return the number of transformer blocks of a model, from its config.json."""
    config = json.loads((locate(name) / "config.json").read_text(encoding="utf-8"))
    config = config.get("text_config", config)
    return next(int(config[key]) for key in NUM_BLOCKS_KEYS if key in config)


def linear_modules(name: str) -> list[str]:
    """Return the names of a model's modules that multiply by a matrix, without the vocabulary head."""
    return linear_in(read_architecture(locate(name)))


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
