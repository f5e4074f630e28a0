"""The base model's hidden states for rows that recur: computed once a machine, then read from disk.

Stored are the states that the vocabulary head reads, not the logits. The head applied to them gives
the same logits, and they are V / D times smaller (85 times for SmolLM2). A row is always computed
alone, so its states do not depend on the batch in which it first occurred, and a trial gives the same
numbers whether or not an earlier trial has filled the cache.

N = predicted tokens, V = vocabulary, D = width.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from trainables.assets import cache
from trainables.data.queries import Query
from trainables.models.forward import predict

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family

FOLDER = "base_states"  # in the cache folder
MIN_FREE_BYTES = 5 * 2**30  # free space on the disk, below which nothing more is stored
MAX_ROWS_IN_MEMORY = 4096  # 280 MB for SmolLM2 with 30 tokens a row


class BaseCache:
    """The logits of a frozen base model, from states in memory or in the cache folder where possible.

    Attributes:
        base: the frozen model, in the precision of training.
        states: (ids, places) -> states_ND of one row, on the CPU; the latest rows stay in memory.
    """

    def __init__(self, base: nn.Module, digest: str, family: Family, device: torch.device) -> None:
        """Open the cache folder of this base; its key holds all that the states depend on.

        digest: sha256 of the folder that the base weights came from.
        """
        self.base = base
        self._device = device
        dtype = str(next(base.parameters()).dtype).removeprefix("torch.")
        key_parts = [cache.source_digest("models"), version("torch")]
        key_parts += [version("transformers"), digest, family, dtype, device.type]
        key = hashlib.sha256(json.dumps(key_parts).encode()).hexdigest()[:24]
        self._folder = cache.cache_dir() / FOLDER / key
        self.states = lru_cache(maxsize=MAX_ROWS_IN_MEMORY)(self._load_or_compute)

    def logits(self, queries: Sequence[Query]) -> Tensor:
        """Return logits_NV of the base for the targets of all queries, without gradient."""
        rows = [self.states(tuple(query.ids), tuple(query.targets)) for query in queries]
        head: nn.Module = self.base.get_output_embeddings()  # type: ignore[operator]
        with torch.no_grad():
            logits: Tensor = head(torch.cat(rows).to(self._device))
        return logits

    def _load_or_compute(self, ids: tuple[int, ...], places: tuple[int, ...]) -> Tensor:
        """Return states_ND of one row from its file; if it has none, compute them and write it."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file, save_file

        name = hashlib.sha256(json.dumps([ids, places]).encode()).hexdigest()
        path = self._folder / name[:2] / f"{name}.safetensors"
        with suppress(FileNotFoundError, SafetensorError):
            return load_file(path)["states"]
        states_ND = self._compute(ids, places)
        with suppress(OSError):  # a trial need not fail because its cache is read-only
            if shutil.disk_usage(cache.cache_dir()).free < MIN_FREE_BYTES:
                return states_ND
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{name}.{os.getpid()}")
            save_file({"states": states_ND}, partial)
            os.replace(partial, path)
        return states_ND

    @torch.no_grad()
    def _compute(self, ids: tuple[int, ...], places: tuple[int, ...]) -> Tensor:
        """Return states_ND of one row at these places, from a forward of the base, on the CPU."""
        ids_BT = torch.tensor([ids], device=self._device)
        inputs = {"input_ids": ids_BT, "attention_mask": torch.ones_like(ids_BT)}
        places_N = torch.tensor(places, dtype=torch.long)
        states_ND = predict(self.base, places_N, inputs).states_ND
        assert states_ND is not None, "the caller asks logits_are_head_output"
        return states_ND.cpu().contiguous()


def logits_are_head_output(base: nn.Module, device: torch.device) -> bool:
    """Return whether a model's logits are the output of its vocabulary head, which one forward shows.

    Some models scale or cap the head's output (Gemma 2), or do not call a module for it, so that their
    logits cannot be had from states.
    """
    ids_BT = torch.tensor([[1, 2, 3]], device=device)
    inputs = {"input_ids": ids_BT, "attention_mask": torch.ones_like(ids_BT)}
    with torch.no_grad():
        output = predict(base, torch.arange(3), inputs)
        head: nn.Module = base.get_output_embeddings()  # type: ignore[operator]
        states_ND = output.states_ND
        return states_ND is not None and torch.equal(head(states_ND), output.logits_NV)
