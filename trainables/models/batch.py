"""Queries as the padded tensors that a model reads.

A query holds the token ids that are read, and the token to predict at some of their positions. So
causal and masked models are trained and scored by the same code.

B = texts, T = tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from trainables.data.queries import Query


IGNORE = -100  # in targets_BT: nothing is predicted at this position


@dataclass(frozen=True)
class TextBatch:
    """B texts, padded on the right to T tokens.

    ids_BT:       token ids.
    attention_BT: 1 at a token of the text, 0 at padding.
    targets_BT:   the token that the logits at this position predict, or IGNORE.
    """

    ids_BT: Tensor
    attention_BT: Tensor
    targets_BT: Tensor

    @property
    def predicted_BT(self) -> Tensor:
        """True at the positions that have a target; padding never has one."""
        return self.targets_BT != IGNORE

    @property
    def places_N(self) -> Tensor:
        """The N positions that have a target, counted through all rows, in reading order."""
        return self.predicted_BT.flatten().nonzero()[:, 0]

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Token ids and attention mask, under the names that a transformers model takes them by."""
        return {"input_ids": self.ids_BT, "attention_mask": self.attention_BT}


def padded(queries: Sequence[Query], pad_id: int, device: torch.device) -> TextBatch:
    """Return the queries as one batch on the device, padded on the right with `pad_id`."""
    shape = (len(queries), max(len(query.ids) for query in queries))
    ids_BT = torch.full(shape, pad_id)
    attention_BT = torch.zeros(shape, dtype=torch.long)
    targets_BT = torch.full(shape, IGNORE)
    for b, query in enumerate(queries):
        ids_BT[b, : len(query.ids)] = torch.tensor(query.ids)
        attention_BT[b, : len(query.ids)] = 1
        targets = torch.tensor(list(query.targets.values()), dtype=torch.long)  # there may be none
        targets_BT[b, list(query.targets)] = targets
    return TextBatch(ids_BT.to(device), attention_BT.to(device), targets_BT.to(device))
