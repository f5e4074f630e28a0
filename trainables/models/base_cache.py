"""What the frozen base model says of rows that come again: worked out once a machine, not a step.

Kept are the states that the vocabulary head reads, not the logits, which are the head applied to
them: exact, and V / D times smaller (85 times for SmolLM2). A row is always worked out alone, so
what is kept does not depend on the batch in which it was first asked for, and a trial gives the
same numbers whether or not another has been here before.
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

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family

MIN_FREE_BYTES = 5 * 2**30  # bytes on the disk, below which no more is kept on it
IN_MEMORY = 4096  # rows; of SmolLM2 with 30 tokens each 280 MB


class BaseCache:
    """The base's predictions for whole queries, from the cache folder where they are in it."""

    def __init__(self, base: nn.Module, digest: str, family: Family, device: torch.device) -> None:
        """
        base: the frozen model, in the precision of training.
        digest: of the folder that its weights came from.
        """
        self.base = base
        self._device = device
        dtype = str(next(base.parameters()).dtype).removeprefix("torch.")
        made_by = [cache.source_digest("models"), version("torch")]
        made_by += [version("transformers"), digest, family, dtype, device.type]
        key = hashlib.sha256(json.dumps(made_by).encode()).hexdigest()[:24]
        self._folder = cache.cache_dir() / "reference" / key
        self._kept = lru_cache(maxsize=IN_MEMORY)(self._states)

    def logits(self, queries: Sequence[Query]) -> Tensor:
        """logits_NV of the base for the predicted tokens of all queries, without gradient."""
        rows = [self._kept(tuple(query.ids), tuple(query.targets)) for query in queries]
        head: nn.Module = self.base.get_output_embeddings()  # type: ignore[operator]
        with torch.no_grad():
            logits: Tensor = head(torch.cat(rows).to(self._device))
        return logits

    def _states(self, ids: tuple[int, ...], places: tuple[int, ...]) -> Tensor:
        """states_ND of one row, on the CPU."""
        from safetensors import SafetensorError
        from safetensors.torch import load_file, save_file

        name = hashlib.sha256(json.dumps([ids, places]).encode()).hexdigest()
        file = self._folder / name[:2] / f"{name}.safetensors"
        with suppress(FileNotFoundError, SafetensorError):
            return load_file(file)["states"]
        found = self._worked_out(ids, places)
        with suppress(OSError):  # keeping it is worth no failure: the cache may be read-only
            if shutil.disk_usage(cache.cache_dir()).free < MIN_FREE_BYTES:
                return found
            file.parent.mkdir(parents=True, exist_ok=True)
            partial = file.with_name(f".{name}.{os.getpid()}")
            save_file({"states": found}, partial)
            os.replace(partial, file)
        return found

    @torch.no_grad()
    def _worked_out(self, ids: tuple[int, ...], places: tuple[int, ...]) -> Tensor:
        from trainables.models.forward import predict

        ids_BT = torch.tensor([ids], device=self._device)
        inputs = {"input_ids": ids_BT, "attention_mask": torch.ones_like(ids_BT)}
        at_N = torch.tensor(places, dtype=torch.long)
        return predict(self.base, at_N, inputs).states_ND.cpu().contiguous()


def head_is_all(base: nn.Module, device: torch.device) -> bool:
    """Whether logits are the head's output as it is: some models scale or cap them afterwards."""
    from trainables.models.forward import predict

    ids_BT = torch.tensor([[1, 2, 3]], device=device)
    inputs = {"input_ids": ids_BT, "attention_mask": torch.ones_like(ids_BT)}
    with torch.no_grad():
        found = predict(base, torch.arange(3), inputs)
        head: nn.Module = base.get_output_embeddings()  # type: ignore[operator]
        return torch.equal(head(found.states_ND), found.logits_NV)
