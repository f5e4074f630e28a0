"""One forward of a model, which computes logits only at the places that are predicted.

B = texts, T = tokens, V = vocabulary, D = width, N = predicted tokens. The vocabulary head is a fifth
of the arithmetic of a small model, and most of its memory.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from trainables.models.batch import TextBatch
from trainables.models.structure import structure_of


def token_nll(logits_NV: Tensor, texts: TextBatch) -> Tensor:
    """Return nll_N = −log p(target) of each predicted token, in reading order, in nats and fp32."""
    targets_N = texts.targets_BT[texts.predicted_BT]
    return nn.functional.cross_entropy(logits_NV.float(), targets_N, reduction="none")


def logits_of(module: nn.Module, texts: TextBatch) -> Tensor:
    """Return logits_NV of a module for the predicted tokens of a batch, in reading order."""
    return predict(module, texts.places_N, texts.inputs).logits_NV


@dataclass(frozen=True)
class Output:
    """The output of a forward at N places.

    logits_NV: logits over the vocabulary.
    states_ND: the last hidden states, which the vocabulary head reads; None where its weights are used
               without calling it.
    hidden:    hidden states of the embeddings and of each layer, each of shape BTD; empty unless they
               were requested. The last are those after the final normalisation, if there is one.
    """

    logits_NV: Tensor
    states_ND: Tensor | None
    hidden: tuple[Tensor, ...] = ()


def predict(
    module: nn.Module, places_N: Tensor, inputs: dict[str, Tensor], *, hidden: bool = False
) -> Output:
    """Return the output of one forward of a module at the given places.

    A hook cuts the input of the vocabulary head down to these places, so that it computes nothing else.

    places_N: positions, counted through all rows: b · T + t.
    inputs: the keyword arguments of the module, with `input_ids` of shape BT.
    hidden: whether the hidden states of all layers are returned too.
    """
    places_N = places_N.to(inputs["input_ids"].device)
    states: list[Tensor] = []

    def cut(_: nn.Module, arguments: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        states.append(arguments[0].flatten(0, 1).index_select(0, places_N))
        return (states[0], *arguments[1:])

    blocks: list[Tensor] = []  # what each call of the last block returns
    with ExitStack() as undo:
        head: nn.Module = module.get_output_embeddings()  # type: ignore[operator]
        undo.callback(head.register_forward_pre_hook(cut).remove)
        if hidden and (names := structure_of(module).blocks):
            last: nn.Module = module.get_submodule(names[-1])
            keep = last.register_forward_hook(lambda *call: blocks.append(_first(call[2])))
            undo.callback(keep.remove)
        output: Any = module(**inputs, use_cache=False, output_hidden_states=hidden)
    logits_NV = output.logits if states else output.logits.flatten(0, 1).index_select(0, places_N)
    states_ND = states[0] if states else None
    if not hidden:
        return Output(logits_NV, states_ND)
    layers = output.hidden_states
    if layers[-1].shape != layers[0].shape:  # narrower states, for the head alone (OPT-350m)
        layers = (*layers[:-1], blocks[-1])
    return Output(logits_NV, states_ND, layers)


def _first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    """Return the first of what a module returns, or all of it if it is one tensor."""
    return output[0] if isinstance(output, tuple) else output
