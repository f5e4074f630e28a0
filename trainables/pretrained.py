"""Where the folder of a base model is, and what its own configuration says that it is."""

import difflib
import json
from pathlib import Path
from typing import TYPE_CHECKING

from trainables import assets, cache, miniature
from trainables.cache import AssetError

if TYPE_CHECKING:
    from trainables.config import Family


def locate(name: str) -> Path:
    """The folder of a model: built (miniature-…), or resolved as an asset.

    Raises:
        AssetError: there is none of this name, or it cannot be had.
    """
    return miniature.folder(name) if name in miniature.MODELS else _resolved(name)


def digest(name: str) -> str:
    """sha256 of the model's folder, or of what a miniature is built from."""
    return miniature.digest() if name in miniature.MODELS else cache.digest(_resolved(name))


def family_of(name: str) -> "Family | None":
    """causal or masked; None where the architecture's name tells neither, as GPT2LMHeadModel.

    Raises:
        ValueError: this is no folder of a model.
    """
    if name in miniature.MODELS:
        return miniature.MODELS[name]
    return family_in(_resolved(name))


def _resolved(name: str) -> Path:
    known = [*miniature.MODELS, *(key for key, a in assets.catalogue().items() if a.hub)]
    somewhere = name in known or "/" in name or Path(name).expanduser().exists()
    if not somewhere:
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise AssetError(
            f"{name!r} is neither a folder nor a known model{hint}: give the folder of a model, "
            f"OWNER/REPO on the Hub, or one of {', '.join(known)}."
        )
    return assets.resolve(name)


def family_in(folder: Path) -> "Family | None":
    """As family_of, of a folder at hand."""
    try:
        described = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kinds = tuple(described.get("architectures") or ())
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{folder} must be the folder of a model, with config.json, safetensors and a "
            f"tokenizer, but: {error}."
        ) from error
    if any(kind.endswith("MaskedLM") for kind in kinds):
        return "masked"
    return "causal" if any(kind.endswith("CausalLM") for kind in kinds) else None
