"""What the folder of a model says that it holds, before its weights are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family


def linear_in(module: Any) -> list[str]:
    """Names of the modules that multiply by a matrix, the vocabulary head left out."""
    head = module.get_output_embeddings()
    return [
        name
        for name, part in module.named_modules()
        if type(part).__name__ in ("Linear", "Conv1D") and part is not head
    ]


def family_in(folder: Path) -> Family | None:
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
