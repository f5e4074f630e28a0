"""A language model of either family, its tokenizer, and the frozen base it started from.

B = texts, T = tokens, V = vocabulary, N = predicted tokens.
"""

from __future__ import annotations

import copy
import hashlib
import logging
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch
from torch import Tensor, nn

from trainables import cache, pretrained
from trainables.batch import TextBatch

if TYPE_CHECKING:
    from trainables.config import Family, ModelConfig

log = logging.getLogger(__name__)


class LanguageModel:
    """module: the transformers model being trained; base: the same at its base weights, frozen."""

    def __init__(self, path: Path, family: Family) -> None:
        """Load from a folder of safetensors; no code of the folder is ever run.

        Raises:
            ValueError: the folder holds no such model, or its tokenizer lacks a token we need.
        """
        said = pretrained.family_in(path)
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
        self.tokenizer = transformers.AutoTokenizer.from_pretrained(path, **safe)
        self.module: nn.Module = kind.from_pretrained(
            path, use_safetensors=True, dtype=torch.float32, attn_implementation="sdpa", **safe
        )
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.module.to(self.device)
        self.start_id = self._special("bos" if family == "causal" else "cls")
        self.pad_id: int = self.tokenizer.pad_token_id or 0  # never read: masked by attention
        if family == "masked":
            self.end_id = self._special("sep")
            self.mask_id = self._special("mask")
        self.vocab_size: int = self.module.config.vocab_size

    def _special(self, token: str) -> int:
        found: int | None = getattr(self.tokenizer, f"{token}_token_id")
        if found is None:
            raise ValueError(
                f"the tokenizer of {self.path} must have a {token.upper()} token, which a "
                f"{self.family} model's sentences are scored with, but has only "
                f"{', '.join(self.tokenizer.special_tokens_map)}."
            )
        return found

    @cached_property
    def digest(self) -> str:
        """sha256 of the folder that the base weights came from."""
        return cache.digest(self.path)

    @cached_property
    def tokenizer_digest(self) -> str:
        """Equal for equal tokenizers, so that models of one family share their token tables."""
        said = self.tokenizer.backend_tokenizer.to_str() if self.tokenizer.is_fast else self.digest
        return hashlib.sha256(said.encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, without special tokens."""
        if not texts:
            return []
        ids: list[list[int]] = self.tokenizer(list(texts), add_special_tokens=False)["input_ids"]
        return ids

    @cached_property
    def base(self) -> nn.Module:
        """The frozen base model: copied once, before the first training step of the process."""
        return copy.deepcopy(self.module).eval().requires_grad_(False)

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
        saved.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def logits(self, texts: TextBatch) -> Tensor:
        """logits_BTV of the model being trained."""
        return _logits(self.module, texts)

    def base_logits(self, texts: TextBatch) -> Tensor:
        """logits_BTV of the base model, without gradient."""
        with torch.no_grad():
            return _logits(self.base, texts)

    def log_likelihood(self, texts: TextBatch, *, per: Literal["token", "sentence"]) -> Tensor:
        """Σ (per sentence) or mean (per token) of log p(target), in nats, with gradient: shape B."""
        return target_log_likelihood(self.logits(texts), texts, per=per)


def target_log_likelihood(
    logits_BTV: Tensor, texts: TextBatch, *, per: Literal["token", "sentence"]
) -> Tensor:
    """As LanguageModel.log_likelihood, of logits already at hand."""
    total_B = logits_BTV.new_zeros(len(texts.ids_BT), dtype=torch.float32)
    counts_B = texts.predicted_BT.sum(1)
    rows_N = texts.predicted_BT.nonzero()[:, 0]
    total_B = total_B.index_add(0, rows_N, -token_nll(logits_BTV, texts))
    return total_B / counts_B.clamp(min=1) if per == "token" else total_B


def token_nll(logits_BTV: Tensor, texts: TextBatch) -> Tensor:
    """−log p(target) in nats of each predicted token, in reading order, in fp32: shape N."""
    predicted = texts.predicted_BT
    return nn.functional.cross_entropy(
        logits_BTV[predicted].float(), texts.targets_BT[predicted], reduction="none"
    )


def _logits(module: nn.Module, texts: TextBatch) -> Tensor:
    logits: Tensor = module(input_ids=texts.ids_BT, attention_mask=texts.attention_BT).logits
    return logits


def load(config: ModelConfig) -> LanguageModel:
    """The model of a configuration; a process keeps the last, so that its next trial starts warm."""
    path = pretrained.locate(config.path).resolve()
    return _kept(path, config.family, cache.digest(path))  # a folder may be written anew


@lru_cache(maxsize=1)
def _kept(path: Path, family: Family, digest: str) -> LanguageModel:
    return LanguageModel(path, family)
