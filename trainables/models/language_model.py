"""A language model of either family, its tokenizer, and the frozen base it started from.

B = texts, T = tokens, V = vocabulary, N = predicted tokens. Logits are only ever computed for the
predicted tokens: the vocabulary head is a fifth of the arithmetic of a small model, and most of its
memory.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from trainables.assets import cache
from trainables.data.queries import Query
from trainables.data.tokenizer import Family, Tokenizer
from trainables.models import folder
from trainables.models.base_cache import BaseCache, head_is_all
from trainables.models.batch import TextBatch, padded
from trainables.models.forward import logits_of, predict

T = TypeVar("T")


class LanguageModel:
    """module: the transformers model being trained; base: the same at its base weights, frozen."""

    def __init__(self, path: Path, family: Family) -> None:
        """Load from a folder of safetensors; no code of the folder is ever run.

        Raises:
            ValueError: the folder holds no such model, or its tokenizer lacks a token we need.
        """
        said = folder.family_in(path)
        if said not in (None, family):
            raise ValueError(
                f"{path} holds a {said} model: family must be {said!r}, but got {family!r}."
            )
        import transformers

        transformers.utils.logging.disable_progress_bar()
        kind = {
            "causal": transformers.AutoModelForCausalLM,
            "masked": transformers.AutoModelForMaskedLM,
        }[family]
        safe = {"local_files_only": True, "trust_remote_code": False}
        self.path = path
        self.family = family
        try:
            hf_tokenizer = transformers.AutoTokenizer.from_pretrained(path, **safe)
            module, loading = kind.from_pretrained(
                path, **safe, use_safetensors=True, dtype=torch.float32,
                ignore_mismatched_sizes=True, output_loading_info=True,
            )  # fmt: skip
        except Exception as error:  # of many kinds, by what is broken in the folder
            why = " ".join(str(error).split()) or type(error).__name__
            raise ValueError(
                f"{path} must hold a model that transformers can load, but: {why[:300]}"
            ) from error
        self.module: nn.Module = module
        # transformers draws at random what it does not find.
        drawn = [*loading["missing_keys"], *(name for name, *_ in loading["mismatched_keys"])]
        if drawn:
            raise ValueError(
                f"the weights of {path} must be those that its config.json describes, but "
                f"{len(drawn)} are missing or of another shape, {sorted(drawn)[0]} for one."
            )
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module.to(self.device)
        # Where padding has a position of its own (RoBERTa), the first ones are never a token's.
        embeddings = getattr(self.module.base_model, "embeddings", None)
        unused = getattr(embeddings, "padding_idx", -1) + 1
        positions: int = self.module.config.max_position_embeddings
        self.tokenizer = Tokenizer(
            hf_tokenizer, path, family,
            vocab_size=self.module.config.vocab_size, num_positions=positions - unused,
        )  # fmt: skip
        # How far back its layers see, where some see no further (Mistral, Gemma).
        text: Any = self.module.config.get_text_config()
        windows = (getattr(text, name, None) for name in ("sliding_window", "attention_chunk_size"))
        self.window: int = min((size for size in windows if size), default=positions)
        # BERT tells the two texts of a pair apart.
        self.has_segments = getattr(text, "type_vocab_size", 0) > 1
        self._rounded: nn.Module | None = None
        self._reference: BaseCache | None = None
        self._memo: dict[str, tuple[Hashable, Any]] = {}
        self.adapters: Any = None  # of peft, while a trial trains them (trainables/parameters)
        self.reads_trees: bool | None = None  # found out by trainables.scoring.likelihood

    @cached_property
    def digest(self) -> str:
        """sha256 of the folder that the base weights came from."""
        return cache.digest(self.path)

    @cached_property
    def base(self) -> nn.Module:
        """The frozen base model: copied once, before the first training step of the process."""
        return copy.deepcopy(self.module).eval().requires_grad_(False)

    @property
    def base_in_dtype(self) -> nn.Module:
        """The base as the module starts from it: rounded, where that is in less than fp32."""
        dtype = next(self.module.parameters()).dtype
        if dtype == torch.float32:
            return self.base
        if self._rounded is None or next(self._rounded.parameters()).dtype != dtype:
            self._rounded = copy.deepcopy(self.base)
            for weight in self._rounded.parameters():
                weight.data = weight.data.to(dtype)
        return self._rounded

    @cached_property
    def _head_is_all(self) -> bool:
        return head_is_all(self.base, self.device)

    @property
    def reference(self) -> BaseCache | None:
        """What the start says of rows that come again; None where its head is not the last thing."""
        if not self._head_is_all:
            return None
        if self._reference is None or self._reference.base is not self.base_in_dtype:
            self._reference = BaseCache(self.base_in_dtype, self.digest, self.family, self.device)
        return self._reference

    def memo(self, slot: str, key: Hashable, build: Callable[[], T]) -> T:
        """Return what `build` gives; kept until another key is asked for in this slot.

        So a term of the loss computes what it needs of the base once, and not for each trial.
        """
        if slot not in self._memo or self._memo[slot][0] != key:
            self._memo[slot] = (key, build())
        value: T = self._memo[slot][1]
        return value

    @property
    def blocks(self) -> list[nn.Module]:
        """The model's layers, in order."""
        config: Any = self.module.config
        num = config.num_hidden_layers
        lists = (m for m in self.module.modules() if isinstance(m, nn.ModuleList) and len(m) == num)
        return list(next(lists))

    @property
    def linear_modules(self) -> list[str]:
        """Names of the modules that multiply by a matrix, the vocabulary head left out."""
        return folder.linear_in(self.module)

    def weights(self) -> Iterator[tuple[str, nn.Parameter, nn.Parameter]]:
        """(name, weight, the same at the start) of every weight that the base has too."""
        start = dict(self.base_in_dtype.named_parameters())
        for name, weight in self.module.named_parameters():
            name = name.replace(".base_layer.", ".")  # which peft puts between
            if name in start:
                yield name, weight, start[name]

    def trained(self) -> Iterator[tuple[str, nn.Parameter, nn.Parameter]]:
        """As weights, of those that training moves."""
        return (found for found in self.weights() if found[1].requires_grad)

    def reset(self, dtype: Literal["fp32", "bf16"]) -> None:
        """Put the base weights back, into fresh memory: an engine may own views of the old."""
        to = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        for weight, start in zip(self.module.parameters(), self.base.parameters(), strict=True):
            weight.data = start.data.to(to, copy=True)
            weight.grad = None
        for buffer, kept in zip(self.module.buffers(), self.base.buffers(), strict=True):
            buffer.data = kept.data.clone()

    def save(self, folder: Path) -> None:
        """Write weights (safetensors) and tokenizer as transformers reads them."""
        saved: Any = self.module
        state = {
            name.replace(".base_layer.", "."): value
            for name, value in saved.state_dict().items()
            if ".lora_" not in name
        }
        saved.save_pretrained(folder, state_dict=state)
        self.tokenizer.hf.save_pretrained(folder)

    def batch(self, queries: Sequence[Query]) -> TextBatch:
        """Return the queries as one batch on the model's device, padded on the right."""
        return padded(queries, self.tokenizer.pad_id, self.device)

    def logits(self, texts: TextBatch) -> Tensor:
        """logits_NV of the model being trained, for the predicted tokens in reading order."""
        return logits_of(self.module, texts)

    def base_logits(self, texts: TextBatch) -> Tensor:
        """logits_NV of the base model in the module's own precision, without gradient."""
        with torch.no_grad():
            return logits_of(self.base_in_dtype, texts)

    def logits_at(self, at_N: Tensor, **inputs: Tensor) -> Tensor:
        """logits_NV at these places, counted through all rows, of any inputs that the model takes."""
        return predict(self.module, at_N, inputs).logits_NV

    def base_states(self, queries: Sequence[Query]) -> Tensor:
        """states_LBTD of the base model: of the embeddings and every layer, fp32, no gradient."""
        rows = self.batch(queries)
        inputs = {"input_ids": rows.ids_BT, "attention_mask": rows.attention_BT}
        nowhere = torch.empty(0, dtype=torch.long)
        with torch.no_grad():
            return torch.stack(
                predict(self.base_in_dtype, nowhere, inputs, hidden=True).hidden
            ).float()
