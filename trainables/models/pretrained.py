"""Find a base model by its name, and describe it without reading its weights.

A name is one of the miniatures, a catalogued name, a folder, or OWNER/REPO on the Hugging Face Hub.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.assets import cache, catalogue, resolve
from trainables.assets.errors import AssetError
from trainables.chatter import held_back
from trainables.data.opening import Opening
from trainables.data.sets.miniature import DIGEST
from trainables.models import miniature
from trainables.models.folder import family_in, read_model
from trainables.models.structure import Structure, structure_of

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family, Tokenizer

# The code on which depends what is found in a folder.
LOOKED_THROUGH_BY = ("data/opening.py", "data/tokenizer.py", "models")


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


def look_through(name: str, family: Family) -> Structure:
    """Return the modules of a model, after a look at all of its weights, tokenizer and configuration.

    None of the weights is kept, so that any model can be looked through on any machine. The result is
    kept in the cache folder: the same files are not looked through twice, which takes seconds.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: a trial could not load its folder: see folder.read_model and Tokenizer.
    """
    folder = locate(name).resolve()

    def write(kept: Path) -> None:
        structure = _look_through(folder, family, cache.digest(folder))[1]
        (kept / "structure.json").write_text(json.dumps(asdict(structure)))

    kept = cache.once(_folder_of_result("structure", folder, family), write)
    written = json.loads((kept / "structure.json").read_text())
    return Structure(written["num_blocks"], tuple(written["blocks"]), tuple(written["linear"]))


def start_of(name: str, opening: Opening) -> str:
    """Return what a causal model reads before a text, as a text; empty if it reads nothing.

    It is kept in the cache folder, as the structure is.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: its tokenizer cannot be loaded, or lacks what the opening needs.
    """
    folder = locate(name).resolve()

    def write(kept: Path) -> None:
        hf = tokenizer_of(name, "causal").hf
        (kept / "start.txt").write_text(str(hf.decode(opening.ids(hf))), encoding="utf-8")

    kept = cache.once(_folder_of_result("start", folder, *opening), write)
    return (kept / "start.txt").read_text(encoding="utf-8")


def tokenizer_of(name: str, family: Family) -> Tokenizer:
    """Return the tokenizer of a model. It says UNLIMITED where a loaded model's says its positions.

    Raises:
        AssetError, ValueError: as of look_through.
    """
    folder = locate(name).resolve()
    return _look_through(folder, family, cache.digest(folder))[0]  # its files may have changed


@lru_cache(maxsize=8)
@held_back()
def _look_through(folder: Path, family: Family, digest: str) -> tuple[Tokenizer, Structure]:
    """Return the tokenizer and the modules of the model in a folder.

    digest: of the folder, as a part of the key of the cache.
    """
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.architecture import UNLIMITED

    hf_tokenizer, module = read_model(folder, family, weightless=True)
    vocab_size = module.config.get_text_config().vocab_size
    tokenizer = Tokenizer(
        hf_tokenizer, folder, family, vocab_size=vocab_size, num_positions=UNLIMITED
    )
    return tokenizer, structure_of(module)


def _folder_of_result(kind: str, folder: Path, *settings: str) -> str:
    """Return the name in the cache folder of what is known of a model and some settings."""
    key = [cache.digest(folder), cache.source_digest(*LOOKED_THROUGH_BY), *settings]
    key.append(version("transformers"))
    return f"models/{kind}-{hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]}"


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
