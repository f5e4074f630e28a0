"""Where the folder of a base model is, and what its own configuration says that it is."""

from __future__ import annotations

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.assets import cache, catalogue, resolve
from trainables.assets.errors import AssetError
from trainables.data.sets.miniature import DIGEST
from trainables.models import miniature
from trainables.models.folder import family_in, linear_in

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family


def locate(name: str) -> Path:
    """The folder of a model: built (miniature-…), or resolved as an asset.

    Raises:
        AssetError: there is none of this name, or it cannot be had.
    """
    return miniature.folder(name) if name in miniature.MODELS else _resolved(name)


def digest(name: str) -> str:
    """sha256 of the model's folder, or of the texts that a miniature is pretrained on."""
    return DIGEST if name in miniature.MODELS else cache.digest(_resolved(name))


def family_of(name: str) -> Family | None:
    """causal or masked; None where the architecture's name tells neither, as GPT2LMHeadModel.

    Raises:
        ValueError: this is no folder of a model.
    """
    if name in miniature.MODELS:
        return miniature.MODELS[name]
    return family_in(_resolved(name))


def num_blocks(name: str) -> int:
    """How many blocks a model has."""
    described = json.loads((locate(name) / "config.json").read_text(encoding="utf-8"))
    described = described.get("text_config", described)
    known = ("num_hidden_layers", "n_layer", "num_layers")
    return next(int(described[key]) for key in known if key in described)


def linear_modules(name: str) -> list[str]:
    """As linear_in, of a model that is described by its folder, without reading its weights."""
    import torch
    import transformers

    folder = locate(name)
    safe = {"local_files_only": True, "trust_remote_code": False}
    config = transformers.AutoConfig.from_pretrained(folder, **safe)
    masked = family_in(folder) == "masked"
    kind = transformers.AutoModelForMaskedLM if masked else transformers.AutoModelForCausalLM
    with torch.device("meta"):
        return linear_in(kind.from_config(config, trust_remote_code=False))


def _resolved(name: str) -> Path:
    known = [*miniature.MODELS, *(key for key, a in catalogue.CATALOGUE.items() if a.hub)]
    somewhere = name in known or "/" in name or Path(name).expanduser().exists()
    if not somewhere:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise AssetError(
            f"{name!r} is neither a folder nor a known model{hint}: give the folder of a model, "
            f"OWNER/REPO on the Hub, or one of {', '.join(known)}."
        )
    return resolve.resolve(name)
