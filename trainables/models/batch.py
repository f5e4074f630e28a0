"""Token ids as the padded tensors that a model reads.

Everything asked of a model is a Query: what it reads, and which token its prediction at which
position should be. So causal and masked models are trained and scored by the same code.

B = texts, T = tokens. ``targets_BT[b, t]`` is the token that the logits at position t
predict, or IGNORE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from trainables.data.queries import Query


IGNORE = -100


@dataclass(frozen=True)
class TextBatch:
    ids_BT: Tensor
    attention_BT: Tensor
    targets_BT: Tensor

    @property
    def predicted_BT(self) -> Tensor:
        """True where a target is: padding, and what is only read, never counts."""
        return self.targets_BT != IGNORE


def padded(queries: Sequence[Query], pad_id: int, device: torch.device) -> TextBatch:
    """Return the queries as one batch on the device, padded on the right."""
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
