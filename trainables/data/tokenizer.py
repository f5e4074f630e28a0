"""The tokenizer of a model: token ids of texts, and the special tokens around them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from trainables.assets import cache
from trainables.data.opening import PLAIN, Opening

Family = Literal["causal", "masked"]  # next-token prediction (Llama); fill in the blank (BERT)


class Tokenizer:
    """A tokenizer of transformers, with the special tokens that its model's family needs.

    Attributes:
        hf: the tokenizer of transformers.
        folder: the folder that it was loaded from.
        family: that of the model.
        start_ids: the tokens before a text: CLS (masked); a start token, the turns of a chat before an
            answer, or nothing (causal, trainables/data/opening.py). Without any, the first token of a
            text is not predicted.
        harness_start_id: the token that lm-evaluation-harness puts before a text without a question:
            BOS, or EOS where there is none (causal only).
        end_id, mask_id: the token after a text, and the one in place of a hidden token (masked only).
        pad_id: the token that fills up rows. It is never read, because the attention mask leaves it
            out.
        vocab_size: number of tokens that the model predicts among.
        max_tokens: the longest row that fits into the model's positions, special tokens included.
    """

    def __init__(
        self,
        hf: Any,
        folder: Path,
        family: Family,
        *,
        vocab_size: int,
        num_positions: int,
        opening: Opening = PLAIN,
    ) -> None:
        """Take a tokenizer of transformers for a model.

        Args:
            hf: the tokenizer of transformers.
            folder: the folder that it was loaded from.
            opening: how a causal model's texts begin.
            vocab_size: number of tokens that the model predicts among.
            num_positions: number of tokens that the model reads at most.

        Raises:
            ValueError: it lacks a token that the family needs, or knows more tokens than the model.
        """
        self.hf = hf
        self.folder = folder
        self.family = family
        self.pad_id: int = hf.pad_token_id or 0
        if family == "causal":
            self.start_ids = opening.ids(hf)
            self.harness_start_id: int | None = (
                hf.eos_token_id if hf.bos_token_id is None else hf.bos_token_id
            )
        else:
            self.start_ids = (self._special_id("cls"),)
            self.harness_start_id = self.start_ids[0]
            self.end_id = self._special_id("sep")
            self.mask_id = self._special_id("mask")
        self.vocab_size = vocab_size
        if len(hf) > vocab_size:
            raise ValueError(
                f"the tokenizer of {folder} must know no more tokens than the model's {vocab_size}, "
                f"but knows {len(hf)}."
            )
        if (highest := max(hf.get_vocab().values(), default=0)) >= vocab_size:
            raise ValueError(
                f"the tokenizer of {folder} must number its tokens below the model's {vocab_size}, but "
                f"has one of number {highest}."
            )
        longest = hf.model_max_length
        if not isinstance(longest, int | float) or not longest >= 1:
            raise ValueError(
                f"model_max_length in tokenizer_config.json of {folder} must be a number of tokens, "
                f"but is {longest!r:.40}."
            )
        self.max_tokens: int = int(min(num_positions, longest))

    def _special_id(self, token: str) -> int:
        """Return the id of a special token (`bos`, `cls`, `sep` or `mask`).

        Raises:
            ValueError: the tokenizer has no such token.
        """
        token_id: int | None = getattr(self.hf, f"{token}_token_id")
        if token_id is None:
            raise ValueError(
                f"the tokenizer of {self.folder} must have a {token.upper()} token, which a "
                f"{self.family} model's sentences are scored with, but has "
                f"{', '.join(self.hf.special_tokens_map) or 'no special tokens'}."
            )
        return token_id

    @cached_property
    def adds_start(self) -> bool:
        """Whether the tokenizer of transformers puts a token before a text by itself.

        Llama's does, and SmolLM2's does not.
        """
        ids: list[int] = self.hf("a")["input_ids"]
        return ids[:1] == [self.harness_start_id]

    @cached_property
    def digest(self) -> str:
        """The sha256 of the tokenizer, equal for tokenizers that give equal ids.

        Models with equal tokenizers share their tables of token ids.
        """
        if not self.hf.is_fast:
            return cache.digest(self.folder)
        # The post-processor only adds special tokens around a text, and those are not in the tables.
        settings = json.loads(self.hf.backend_tokenizer.to_str()) | {"post_processor": None}
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of each text, without special tokens around them."""
        if not texts:
            return []
        ids: list[list[int]] = self.hf(list(texts), add_special_tokens=False)["input_ids"]
        return ids
