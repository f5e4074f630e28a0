"""Read the folder of a model: its family and configuration, its weights and tokenizer.

No code of the folder is ever run, and weights are read from safetensors only.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.chatter import held_back
from trainables.models.files.headers import Header, headers_in
from trainables.models.files.impossible_settings import explanation, refuse_impossible
from trainables.models.files.leftovers import refuse_leftovers
from trainables.models.files.model_json import written_config
from trainables.models.files.outside_references import refuse_outside_references
from trainables.models.files.sentences import failed, unloadable
from trainables.models.files.size import MismatchWithFiles, few_parts, refuse_mismatch
from trainables.models.files.vocabulary import SAFE, read_tokenizer
from trainables.schema.counted import counted
from trainables.schema.text.shown import as_value, as_word

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import nn

    from trainables.data.tokenizer import Family

# The names in transformers of the classes that load a model of each family.
AUTO_CLASSES: dict[Family, str] = {
    "causal": "AutoModelForCausalLM",
    "masked": "AutoModelForMaskedLM",
}


def family_in(folder: Path) -> Family:
    """Return the family of the model that a folder's config.json describes.

    Its architecture's name tells it, as LlamaForCausalLM or GPT2LMHeadModel. Where the name is of no
    family (BertForPreTraining), it is the one that transformers can load; of both (BERT) it is masked,
    unless the configuration says is_decoder.

    Raises:
        ValueError: the folder has no config.json that transformers knows, or it describes an
            encoder-decoder, or another model that is neither causal nor masked.
    """
    architectures = tuple(written_config(folder).get("architectures") or ())
    if any(name.endswith("MaskedLM") for name in architectures):
        return "masked"
    if any(name.endswith("CausalLM") for name in architectures):
        return "causal"
    config = read_config(folder)
    is_encoder_decoder = getattr(config, "is_encoder_decoder", False)
    named = [f for f in AUTO_CLASSES if architectures and _class_name(f, config) in architectures]
    loadable = named or [family for family in AUTO_CLASSES if _class_name(family, config)]
    if is_encoder_decoder or not loadable:
        raise ValueError(
            f"{folder} must hold a causal or a masked model (Llama's family or BERT's), but its "
            f"config.json describes a {_in_words(architectures) or config.model_type}"
            f"{', an encoder-decoder' if is_encoder_decoder else ''}: give another model."
        )
    if len(loadable) == 1:
        return loadable[0]
    return "causal" if getattr(config, "is_decoder", False) else "masked"


def type_in(folder: Path) -> str | None:
    """Return the model_type of a folder's config.json; None if it names none.

    Raises:
        ValueError: the folder has no config.json that can be read.
    """
    name: str | None = written_config(folder).get("model_type")
    return name


def read_config(folder: Path) -> Any:
    """Return the configuration of transformers that a folder's config.json describes.

    Raises:
        ValueError: there is none that can be read, the folder leads elsewhere, transformers knows no
            such model, or its weights are quantised.
    """
    written = written_config(folder)
    refuse_outside_references(folder, written)
    import transformers

    try:
        with held_back(for_good=True):  # loading the model reads it again
            config = transformers.AutoConfig.from_pretrained(folder, **SAFE)
    except Exception as error:  # its class depends on which part of the file is wrong
        kind = written.get("model_type")
        if kind in transformers.CONFIG_MAPPING:
            raise _unmade(folder, written, error) from error
        needs_code = " and has code of its own, which is never run" if "auto_map" in written else ""
        raise ValueError(
            f"{folder} must hold a model that transformers {transformers.__version__} knows, but the "
            f"model_type in its config.json is {as_value(kind)}{needs_code}: give another model."
        ) from error
    if method := (getattr(config, "quantization_config", None) or {}):
        has_name = isinstance(method, dict)
        name = method.get("quant_method") if has_name else getattr(method, "quant_method", method)
        raise ValueError(
            f"{folder} must hold weights that can be trained, but they are quantised ({name}): give "
            f"the model from which they were made."
        )
    return config


def refuse_misfit(folder: Path, family: Family) -> None:
    """Refuse a folder whose configuration is not that of a model of this family.

    Raises:
        ValueError: its config.json describes no language model, one of the other family, or a BERT
            whose key is_decoder contradicts the family.
    """
    family_of_folder = family_in(folder)
    if family_of_folder != family:
        raise ValueError(
            f"{folder} holds a {family_of_folder} model: family must be {family_of_folder!r}, "
            f"but got {family!r}."
        )
    config = read_config(folder)
    is_of_both = all(_class_name(each, config) for each in AUTO_CLASSES)
    is_decoder = getattr(config, "is_decoder", None)
    if is_of_both and is_decoder is not None and is_decoder != (family == "causal"):
        raise ValueError(
            f"config.json of {folder} must say is_decoder: {str(not is_decoder).lower()} for a "
            f"{family} model, but says {str(is_decoder).lower()}: a token would be predicted from "
            f"{'those before it alone' if is_decoder else 'those that follow, too'}."
        )


def read_model(folder: Path, family: Family, *, weightless: bool = False) -> tuple[Any, Any]:
    """Return the tokenizer of transformers and the model in fp32, on the CPU, from a folder.

    weightless: on the meta device instead. Every weight is looked at, but none is kept.

    Raises:
        ValueError: the folder holds a model of the other family, or none that transformers can load,
            or a weight is missing, has another shape or type than config.json describes, or has no
            place in the model.
    """
    refuse_misfit(folder, family)
    written = written_config(folder)
    headers = headers_in(folder, written)
    _refuse_mismatch(folder, family, headers)
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
    auto_class = getattr(transformers, AUTO_CLASSES[family])
    tokenizer = read_tokenizer(folder)
    try:
        module, loading = auto_class.from_pretrained(
            folder, **SAFE, use_safetensors=True, dtype=torch.float32,
            ignore_mismatched_sizes=True, output_loading_info=True,
            device_map="meta" if weightless else None,
        )  # fmt: skip
    except Exception as error:  # its class depends on which part of the folder is broken
        raise _unmade(folder, written, error) from error
    # transformers would set these weights at random.
    missing = sorted([*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])])
    if missing:
        others = sorted(loading["unexpected_keys"])
        instead = f"; the file has others, such as {as_word(others[0])}" if others else ""
        raise ValueError(
            f"the weights of {folder} must be those that its config.json describes, but "
            f"{counted(len(missing), 'is', 'are')} missing or of another shape, {as_word(missing[0])} "
            f"for one{instead}."
        )
    refuse_leftovers(folder, module, loading["unexpected_keys"], headers)
    refuse_impossible(folder, written, module.config.get_text_config())
    if module.get_output_embeddings() is None:
        raise ValueError(
            f"{folder} must hold a model with a vocabulary head, but its {type(module).__name__} has "
            f"none that transformers knows: give another model."
        )
    if not weightless:
        _hold_in_memory(module)
    return tokenizer, module


def _hold_in_memory(module: nn.Module) -> None:
    """Copy the tensors of a model out of its files.

    safetensors maps a file, whose bytes are read as they are used: what was written into it after its
    digest was taken would become a weight.
    """
    for tensor in (*module.parameters(), *module.buffers()):
        tensor.data = tensor.data.clone()


def _refuse_mismatch(folder: Path, family: Family, headers: Mapping[str, Header]) -> None:
    """Refuse a folder whose config.json describes another model than its files hold, before it is made.

    headers: of all tensors of its files.

    Raises:
        ValueError: it does.
    """
    import torch
    import transformers

    auto_class = getattr(transformers, AUTO_CLASSES[family])
    config = read_config(folder)
    try:
        with held_back(for_good=True), torch.device("meta"), few_parts(len(headers)):
            skeleton = auto_class.from_config(config, trust_remote_code=False)
    except MismatchWithFiles as mismatch:
        raise _misdescribed(folder, mismatch) from mismatch
    except Exception:  # of a model that must be made otherwise; loading it has the last word
        return
    try:
        refuse_mismatch(skeleton, headers)
    except MismatchWithFiles as mismatch:
        raise _misdescribed(folder, mismatch) from mismatch


def _unmade(folder: Path, written: Mapping[str, Any], error: Exception) -> ValueError:
    """Return the error for a folder of whose config.json transformers makes no model.

    written: what is written in it.
    """
    if clause := explanation(written, error):
        return unloadable(folder, f"{clause}: mend it")
    return failed(
        folder, "no model can be made as its config.json describes it", error,
        "mend it, or save the model anew by save_pretrained",
    )  # fmt: skip


def _misdescribed(folder: Path, mismatch: MismatchWithFiles) -> ValueError:
    """Return the error for a folder whose config.json describes another model than its files hold."""
    return ValueError(
        f"the weights of {folder} must be those that its config.json describes, but {mismatch}."
    )


def _in_words(architectures: tuple[str, ...]) -> str:
    """Return the names of a configuration's architectures, for a sentence."""
    return as_word(", ".join(architectures), 80)


def _class_name(family: Family, config: Any) -> str | None:
    """Return the name of the class by which transformers loads a model of a family; None if by none."""
    from transformers.models.auto import modeling_auto

    names = {
        "causal": modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
        "masked": modeling_auto.MODEL_FOR_MASKED_LM_MAPPING_NAMES,
    }[family]
    name: str | None = names.get(config.model_type)
    return name
