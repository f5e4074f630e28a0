"""Dropout debiasing: more dropout breaks the associations that a bias rests on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from trainables.objectives.base import Objective

if TYPE_CHECKING:
    from torch import nn

    from trainables.models.language_model import LanguageModel


class Dropout(Objective):
    """The texts are learnt as they were found, with dropout of `hidden` states and of `attention`.

    It acts in training alone: what is measured has none. Where a model has no dropout of hidden
    states (Llama), it is put where BERT has it: after the embeddings and after what attention and
    MLP give back in each block.

    Source: Webster et al. 2020 (arXiv 2010.06032); 0.20 and 0.15 for BERT as in Meade et al. 2022
    (arXiv 2110.08527).
    """

    name: Literal["dropout"] = "dropout"
    hidden: float = Field(0.20, ge=0, lt=1)
    attention: float = Field(0.15, ge=0, lt=1)

    @contextmanager
    def training(self, model: LanguageModel) -> Iterator[None]:
        with own_dropout(model, self.hidden, self.attention) as has_hidden, ExitStack() as undo:
            for part in [] if has_hidden else _branches(model):
                undo.callback(part.register_forward_hook(self._drop).remove)
            yield

    def _drop(self, part: nn.Module, _: Any, output: Any) -> Any:
        from torch.nn.functional import dropout

        if isinstance(output, tuple):
            return (dropout(output[0], self.hidden, part.training), *output[1:])
        return dropout(output, self.hidden, part.training)


@contextmanager
def own_dropout(model: LanguageModel, hidden: float, attention: float) -> Iterator[bool]:
    """The model's own dropout at these rates; whether it has any of hidden states."""
    from torch import nn

    with ExitStack() as undo:
        has_hidden = False
        for name, part in model.module.named_modules():
            if hasattr(part, "attention_dropout"):  # a number, in Llama's attention
                _put(undo, part, "attention_dropout", attention)
            if isinstance(part, nn.Dropout):
                of_attention = name.endswith(("self.dropout", "attn_dropout"))
                has_hidden |= not of_attention
                _put(undo, part, "p", attention if of_attention else hidden)
        yield has_hidden


def _put(undo: ExitStack, part: nn.Module, name: str, value: float) -> None:
    undo.callback(setattr, part, name, getattr(part, name))
    setattr(part, name, value)


def _branches(model: LanguageModel) -> Iterator[nn.Module]:
    """What is added to the residual stream."""
    yield model.module.get_input_embeddings()  # type: ignore[operator]
    for block in model.blocks:
        for name, part in block.named_children():
            if re.search("attn|attention|mlp", name) and "norm" not in name:
                yield part
