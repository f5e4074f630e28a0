"""Refuse weights that no place in a model takes, or say that they are left out."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainables.models.files.headers import Header
from trainables.schema.counted import counted
from trainables.schema.text.shown import as_word

logger = logging.getLogger(__name__)

# Parts of a model that predict something else, or read something else than text, and what older
# releases kept beside the weights: a model that predicts text is complete without them.
OTHER_TASKS = re.compile(
    r"(^|\.)(pooler|seq_relationship|sop_classifier|vision|visual|image|audio|multi_modal|mtp|nextn"
    r"|position_ids|token_type_ids|inv_freq|masked_bias|cos_cached|sin_cached)(\w*)(\.|$)"
)


def refuse_leftovers(
    folder: Path, module: Any, unexpected: Collection[str], headers: Mapping[str, Header]
) -> None:
    """Refuse weights that no place in the model takes, as of layers beyond those that are described.

    Heads of other tasks, and what is no weight (counters, masks), may be left over. Heads that are not
    among OTHER_TASKS are told in the log.

    unexpected: names of the tensors that transformers has read and put nowhere.

    Raises:
        ValueError: some of them belong to parts of the model.
    """
    places = {name for name, _ in module.named_modules() if name}
    buffers = {name for name, _ in module.named_buffers()}
    prefix = module.base_model_prefix
    unknown = sorted(
        name for name in unexpected if not _is_known(name, prefix, buffers, headers.get(name))
    )
    left = [name for name in unknown if _is_of_part(name, prefix, places)]
    if left:
        raise ValueError(
            f"the weights of {folder} must each have a place in the model that its config.json "
            f"describes, but {counted(len(left), 'has', 'have')} none, {as_word(left[0])} for one: "
            f"mend config.json (its number of layers or experts, its biases), or save the model anew."
        )
    if unknown:
        _tell_left_out(folder, len(unknown), as_word(unknown[0]))


@lru_cache(maxsize=8)
def _tell_left_out(folder: Path, num: int, first: str) -> None:
    """Log that so many tensors of a folder are left out; once a process."""
    logger.warning(
        "%s has %s that its model has no place for, %s for one, as of another task: left out.",
        folder, counted(num, "tensor"), first,
    )  # fmt: skip


def _is_of_part(name: str, prefix: str, places: Collection[str]) -> bool:
    """Return whether a tensor belongs to a part of the model, by its name.

    prefix: the name of the model's body, without which bodies are saved alone.
    places: names of the model's modules.
    """

    def nearest(name: str) -> str:
        """Return the name of the innermost module that the tensor is in; "" if it is the model."""
        while name and name not in places:
            name = name.rpartition(".")[0]
        return name

    return bool(nearest(name)) or nearest(f"{prefix}.{name}") not in ("", prefix)


def _is_known(name: str, prefix: str, buffers: Collection[str], header: Header | None) -> bool:
    """Return whether a tensor is one that the model is complete without, as every user expects."""
    if OTHER_TASKS.search(name) or name in buffers or f"{prefix}.{name}" in buffers:
        return True
    # A mask of attention, which older releases kept: what sees what, for all texts and heads.
    is_mask = header is not None and len(header.shape) == 4 and header.shape[:2] == (1, 1)
    return header is not None and (is_mask or not header.is_float)
