"""Read the folder of a model: its family and architecture from config.json, its weights and tokenizer.

No code of the folder is ever run, and weights are read from safetensors only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn

    from trainables.data.tokenizer import Family

SAFE = {"local_files_only": True, "trust_remote_code": False}


def family_in(folder: Path) -> Family | None:
    """Return the family of the architecture in a folder's config.json.

    None where the architecture's name ends in neither CausalLM nor MaskedLM, such as GPT2LMHeadModel.

    Raises:
        ValueError: the folder has no config.json, or one that is not an object.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        architectures = tuple(config.get("architectures") or ())
    except (OSError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{folder} must be the folder of a model, with config.json, safetensors and a "
            f"tokenizer, but: {error}."
        ) from error
    if any(name.endswith("MaskedLM") for name in architectures):
        return "masked"
    return "causal" if any(name.endswith("CausalLM") for name in architectures) else None


def linear_in(module: Any) -> list[str]:
    """Return the names of a model's modules that multiply by a matrix, without the vocabulary head."""
    head = module.get_output_embeddings()
    return [
        name
        for name, part in module.named_modules()
        if type(part).__name__ in ("Linear", "Conv1D") and part is not head
    ]


def read_architecture(folder: Path) -> Any:
    """Return the model that a folder's config.json describes, on the meta device, without weights."""
    import torch
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder, **SAFE)
    auto_class = _auto_class(family_in(folder) or "causal")
    with torch.device("meta"):
        return auto_class.from_config(config, trust_remote_code=False)


def read_tokenizer(folder: Path) -> Any:
    """Return the tokenizer of transformers in a folder.

    Raises:
        ValueError: transformers cannot load it.
    """
    import transformers

    try:
        return transformers.AutoTokenizer.from_pretrained(folder, **SAFE)
    except Exception as error:  # its class depends on which part of the folder is broken
        raise _cannot_load(folder, error) from error


def _cannot_load(folder: Path, error: Exception) -> ValueError:
    """Return the error of a folder that transformers cannot load, with its reason in one line."""
    reason = " ".join(str(error).split()) or type(error).__name__
    return ValueError(f"{folder} must hold a model that transformers can load, but: {reason[:300]}")


def read_model(folder: Path, family: Family) -> tuple[Any, nn.Module]:
    """Return the tokenizer of transformers and the model in fp32, on the CPU, from a folder.

    Raises:
        ValueError: the folder holds a model of the other family, or none that transformers can load,
            or a weight is missing or has another shape than config.json describes.
    """
    family_of_folder = family_in(folder)
    if family_of_folder not in (None, family):
        raise ValueError(
            f"{folder} holds a {family_of_folder} model: family must be {family_of_folder!r}, "
            f"but got {family!r}."
        )
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    tokenizer = read_tokenizer(folder)
    try:
        module, loading = _auto_class(family).from_pretrained(
            folder, **SAFE, use_safetensors=True, dtype=torch.float32,
            ignore_mismatched_sizes=True, output_loading_info=True,
        )  # fmt: skip
    except Exception as error:  # as above
        raise _cannot_load(folder, error) from error
    # transformers would set these weights at random.
    missing = [*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])]
    if missing:
        raise ValueError(
            f"the weights of {folder} must be those that its config.json describes, but "
            f"{len(missing)} are missing or of another shape, {sorted(missing)[0]} for one."
        )
    return tokenizer, module


def _auto_class(family: Family) -> Any:
    """Return the class of transformers that loads models of a family."""
    import transformers

    classes = {
        "causal": transformers.AutoModelForCausalLM,
        "masked": transformers.AutoModelForMaskedLM,
    }
    return classes[family]
