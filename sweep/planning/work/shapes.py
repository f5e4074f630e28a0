"""How large a model is, from its files where they are at hand, without loading it."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from trainables.assets.resolve import at_hand
from trainables.models import miniature
from trainables.models.files.headers import headers_in
from trainables.models.files.model_json import written_config

MILLION = 10**6


class ModelShape(NamedTuple):
    """What the work with a model depends on.

    Attributes:
        num_weights: numbers in its weights, each once.
        num_tensors: how many tensors they are.
        width: of its hidden states.
        num_layers: its blocks.
        vocabulary: how many tokens its head predicts.
        source: from where this is known, in a few words.
        factor: within which the numbers are right.
    """

    num_weights: int
    num_tensors: int
    width: int
    num_layers: int
    vocabulary: int
    source: str
    factor: float = 1.0

    @property
    def num_in_head(self) -> int:
        """Numbers of the matrix that the head multiplies by."""
        return self.width * self.vocabulary


KNOWN = "the catalogue of sizes"
CATALOGUED = {
    "miniature-llama": ModelShape(110_272, 20, 64, 2, 246, KNOWN),
    "miniature-bert": ModelShape(99_830, 42, 64, 2, 246, KNOWN),
    "smollm2-135m": ModelShape(134_515_008, 272, 576, 30, 49_152, KNOWN),
    "google-bert/bert-base-uncased": ModelShape(109_514_298, 202, 768, 12, 30_522, KNOWN),
    "meta-llama/Llama-3.2-1B": ModelShape(1_235_814_400, 146, 2048, 16, 128_256, KNOWN),
    "meta-llama/Llama-3.2-3B": ModelShape(3_212_749_824, 254, 3072, 28, 128_256, KNOWN),
}
# The keys of a config.json that hold a number, by the names that architectures have for it.
WIDTH = ("hidden_size", "n_embd", "d_model", "dim")
LAYERS = ("num_hidden_layers", "n_layer", "num_layers", "n_layers")
# A number of weights in the name of a model, as in Qwen2.5-0.5B or pythia-160m.
IN_NAME = re.compile(r"(?<![\w.])(\d+(?:\.\d+)?)\s?([bm])(?![a-z0-9])", re.IGNORECASE)


def shape_of(name: str) -> ModelShape | None:
    """Return the shape of a model; None if nothing says how large it is.

    It is that of its files if they are here, else that of the catalogue, else one that the number in
    its name stands for.
    """
    if name not in miniature.MODELS:
        with suppress(ValueError, OSError):  # what is wrong with the files, `sweep check` says
            if (folder := at_hand(name)) is not None:
                return shape_in(folder)
    return CATALOGUED.get(name) or shape_by_name(name)


def shape_in(folder: Path) -> ModelShape:
    """Return the shape of the model in a folder, by its config.json and the headers of its weights.

    Raises:
        ValueError: the folder holds no model whose files can be read.
    """
    config = written_config(folder)
    headers = headers_in(folder, config)
    inner = config.get("text_config")
    settings = inner if isinstance(inner, dict) else config
    num_weights = sum(header.num_values for header in headers.values())
    width = _number(settings, WIDTH) or max(1, round((num_weights / 200) ** 0.5))
    return ModelShape(
        num_weights,
        len(headers),
        width,
        _number(settings, LAYERS) or max(1, len(headers) // 10),
        _number(settings, ("vocab_size",)) or 50_000,
        "its files",
    )


def shape_by_name(name: str) -> ModelShape | None:
    """Return a shape for the number of weights that a name states, of usual proportions; else None.

    >>> shape_by_name("EleutherAI/pythia-160m").num_weights
    160000000
    """
    found = IN_NAME.search(name.rpartition("/")[2].replace("-", " "))
    if found is None:
        return None
    num_weights = int(float(found[1]) * (1000 if found[2] in "bB" else 1) * MILLION)
    # A block has about 12 width² weights, and usual models a width of about 64 times their layers.
    num_layers = max(2, round((num_weights / (12 * 64**2)) ** (1 / 3)))
    return ModelShape(
        num_weights, 9 * num_layers, 64 * num_layers, num_layers, 100_000, "the number in its name", 1.5
    )  # fmt: skip


def _number(settings: dict[str, Any], names: tuple[str, ...]) -> int | None:
    """Return the first positive whole number under one of these names; None if there is none."""
    values = (settings.get(name) for name in names)
    return next((value for value in values if type(value) is int and value > 0), None)
