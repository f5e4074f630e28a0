"""Find a base model by its name, and describe it without reading its weights.

A name is one of the miniatures, a catalogued name, a folder, or OWNER/REPO on the Hugging Face Hub.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from trainables.assets import cache, catalogue, resolve
from trainables.assets.errors import AssetError
from trainables.assets.kept_answers import kept_answer
from trainables.chatter import held_back
from trainables.data.opening import PLAIN, Opening
from trainables.data.sets.miniature import DIGEST
from trainables.models import miniature
from trainables.models.files.model_json import written_config
from trainables.models.files.no_numbers import refuse_no_numbers
from trainables.models.files.outside_references import refuse_outside_references
from trainables.models.fitness.tested import EVERYTHING, Ability, is_tested
from trainables.models.folder import family_in, read_model, type_in
from trainables.models.structure import Structure, structure_of
from trainables.schema.text.shown import MAX_NAME, as_value

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family, Tokenizer

# The code on which depends what is found in a folder.
LOOKED_THROUGH_BY = (*("assets/chat", "data/opening.py", "data/tokenizer.py", "models"),)


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
        ValueError: a trial could not load its folder: see folder.read_model and Tokenizer; or a weight
            is no number.
    """
    folder = locate(name).absolute()
    # A pipe is no part of the digest, under which the result is kept.
    refuse_outside_references(folder, written_config(folder))

    def structure(digest: str) -> dict[str, Any]:
        found = asdict(_look_through(folder, family, digest).structure)
        refuse_no_numbers(folder)
        return found

    written = _kept("structure", folder, (family,), structure)
    names = {key: tuple(written[key]) for key in ("blocks", "linear", "read_by_kernels")}
    return Structure(written["num_blocks"], **names, reads_before=written["reads_before"])


def abilities_of(name: str, family: Family) -> frozenset[Ability]:
    """Return what a model can do beside reading texts; everything where its architecture is tested.

    Any other is tried on a few texts (trainables/models/fitness), in seconds. The result is kept in the
    cache folder, as the structure is.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: a trial could not load the model, or would measure it wrongly.
    """
    folder = locate(name).absolute()
    if is_tested(type_in(folder), family):
        return EVERYTHING

    def abilities(digest: str) -> list[Ability]:
        from trainables.models.fitness.specimen import abilities_in

        num_weights = _look_through(folder, family, digest).num_weights
        return abilities_in(folder, family, num_weights)

    return frozenset(_kept("abilities", folder, (family,), abilities))


def start_of(name: str, opening: Opening) -> str:
    """Return what a causal model reads before a text, as a text; empty if it reads nothing.

    It is kept in the cache folder, as the structure is.

    Raises:
        AssetError: no model has this name, or it cannot be fetched.
        ValueError: its tokenizer cannot be loaded, or lacks what the opening needs.
    """
    folder = locate(name).absolute()

    def start(digest: str) -> str:
        hf = _look_through(folder, "causal", digest).tokenizer.hf
        return str(hf.decode(opening.ids(hf)))

    return str(_kept("start", folder, tuple(opening), start))


def start_sentence(name: str, opening: Opening) -> str:
    """Return a sentence on what a causal model reads before a text, and in which format.

    Raises:
        AssetError, ValueError: as `start_of`.
    """
    start = start_of(name, opening)
    return f"texts begin behind {repr(start) if start else 'nothing'} (format: {opening.format})."


def has_harness_start(name: str) -> bool:
    """Return whether a causal model has what lm-evaluation-harness puts before a text: BOS or EOS.

    It is kept in the cache folder, as the structure is.

    Raises:
        AssetError, ValueError: as of look_through.
    """
    folder = locate(name).absolute()

    def has_start(digest: str) -> bool:
        return _look_through(folder, "causal", digest).tokenizer.harness_start_id is not None

    return bool(_kept("harness", folder, (), has_start))


def num_positions(name: str, family: Family) -> int:
    """Return how many tokens the configuration and the tokenizer of a model let it read.

    It is kept in the cache folder, as the structure is.

    Raises:
        AssetError, ValueError: as of look_through.
    """
    folder = locate(name).absolute()

    def positions(digest: str) -> int:
        return _look_through(folder, family, digest).tokenizer.max_tokens

    return int(_kept("positions", folder, (family,), positions))


def tokenizer_of(name: str, family: Family, opening: Opening = PLAIN) -> Tokenizer:
    """Return the tokenizer of a model. It knows the positions that the model's configuration states.

    opening: how a causal model's texts begin.

    Raises:
        AssetError, ValueError: as of look_through.
    """
    from trainables.data.tokenizer import Tokenizer

    folder = locate(name).absolute()
    # The files may have changed.
    looked = _look_through(folder, family, cache.digest(folder))
    if opening == PLAIN:
        return looked.tokenizer
    return Tokenizer(
        looked.tokenizer.hf,
        folder,
        family,
        vocab_size=looked.tokenizer.vocab_size,
        num_positions=looked.tokenizer.max_tokens,
        opening=opening,
    )


def check_tokenizer(
    name: str,
    family: Family,
    check: Callable[[Tokenizer], object],
    asked: Sequence[str],
    opening: Opening = PLAIN,
) -> None:
    """Call a check with the tokenizer of a model; the cache keeps what it finds.

    To load a tokenizer takes seconds.

    Args:
        check: raises ValueError for what does not fit the tokenizer.
        asked: what its answer depends on beside the model, with the code that gives it.

    Raises:
        AssetError, ValueError: as of look_through; also those of the opening, and of the check.
    """
    folder = locate(name).absolute()

    def sentence(digest: str) -> str:
        tokenizer = tokenizer_of(name, family, opening)
        try:
            check(tokenizer)
        except cache.Changed:  # files that it reads; it says nothing of the tokenizer
            raise
        except ValueError as error:
            return str(error)
        return ""

    settings = (str(folder), family, *opening, *asked)  # the sentence may name the folder
    if found := _kept("check", folder, settings, sentence):
        raise ValueError(found)


class _Looked(NamedTuple):
    """The tokenizer of a model, its modules, and how many weights it has."""

    tokenizer: Tokenizer
    structure: Structure
    num_weights: int


@lru_cache(maxsize=8)
@held_back()
def _look_through(folder: Path, family: Family, digest: str) -> _Looked:
    """Return what a folder has without the values of its weights.

    digest: of the folder, as a part of the key of the cache.
    """
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.architecture import stated_positions

    with cache.unchanged_while_read(digest, str(folder), lambda: cache.digest(folder)):
        hf_tokenizer, module = read_model(folder, family, weightless=True)
        config = module.config.get_text_config()
        tokenizer = Tokenizer(
            hf_tokenizer,
            folder,
            family,
            vocab_size=config.vocab_size,
            num_positions=stated_positions(config),
        )
    num_weights = sum(weight.numel() for weight in module.parameters())
    return _Looked(tokenizer, structure_of(module), num_weights)


def _kept(
    kind: str, folder: Path, settings: Sequence[str | None], find: Callable[[str], Any]
) -> Any:
    """Return what is known of a model in plain values, which the cache folder keeps.

    Its arguments are those of `kept_answer`.
    """
    code = cache.source_digest(*LOOKED_THROUGH_BY)
    return kept_answer(kind, folder, [code, *settings, version("transformers")], find)


def _resolved(name: str) -> Path:
    """Return the folder of a model that is no miniature, fetched if need be.

    Raises:
        AssetError: no model has this name, or it cannot be fetched; the sentence has the known names.
    """
    assets = catalogue.CATALOGUE.items()
    known = [*miniature.MODELS, *(key for key, asset in assets if asset.hub)]
    if name not in known and "/" not in name and not os.path.exists(os.path.expanduser(name)):
        close = difflib.get_close_matches(name.lower(), known, n=1)
        hint = f" (did you mean {close[0]}?)" if close else ""
        raise AssetError(
            f"{as_value(name, MAX_NAME)} is neither a folder nor a known model{hint}: give the folder "
            f"of a model, OWNER/REPO on the Hub, or one of {', '.join(known)}."
        )
    return resolve.resolve(name)
