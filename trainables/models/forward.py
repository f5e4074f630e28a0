"""One forward of a model, of which only the predictions asked for are computed.

B = texts, T = tokens, V = vocabulary, D = width, N = predicted tokens. The vocabulary head is a fifth
of the arithmetic of a small model, and most of its memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from trainables.models.batch import TextBatch


def token_nll(logits_NV: Tensor, texts: TextBatch) -> Tensor:
    """−log p(target) in nats of each predicted token, in reading order, in fp32: shape N."""
    targets_N = texts.targets_BT[texts.predicted_BT]
    return nn.functional.cross_entropy(logits_NV.float(), targets_N, reduction="none")


def logits_of(module: nn.Module, texts: TextBatch) -> Tensor:
    at_N = texts.predicted_BT.flatten().nonzero()[:, 0]
    inputs = {"input_ids": texts.ids_BT, "attention_mask": texts.attention_BT}
    return predict(module, at_N, inputs).logits_NV


@dataclass(frozen=True)
class Predicted:
    """states_ND are what the vocabulary head read; hidden those of all layers, if asked for."""

    logits_NV: Tensor
    states_ND: Tensor
    hidden: tuple[Tensor, ...] = ()


def predict(
    module: nn.Module, at_N: Tensor, inputs: dict[str, Tensor], *, hidden: bool = False
) -> Predicted:
    """Predictions at these places, counted through all rows.

    What goes into the vocabulary head is cut down to the places asked for, on its way.
    """
    at_N = at_N.to(inputs["input_ids"].device)
    states: list[Tensor] = []

    def cut(_: nn.Module, read: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states.append(read[0].flatten(0, 1).index_select(0, at_N))
        return (states[0], *read[1:])

    head: nn.Module = module.get_output_embeddings()  # type: ignore[operator]
    hook = head.register_forward_pre_hook(cut)
    try:
        found: Any = module(**inputs, use_cache=False, output_hidden_states=hidden)
    finally:
        hook.remove()
    return Predicted(found.logits, states[0], found.hidden_states if hidden else ())
