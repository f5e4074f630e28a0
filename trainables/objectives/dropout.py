"""Dropout debiasing: train with more dropout, which weakens the associations behind a bias."""

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
    """Train on the texts as found with these dropout rates; no term is added to the loss.

    hidden: rate for hidden states. attention: rate for attention probabilities.

    Dropout acts in training only; a model is measured without any. In a model without dropout of
    hidden states (Llama) it is put where BERT has it: after the embeddings, and after the outputs of
    attention and MLP in each block.

    Source: Webster et al. 2020 (arXiv 2010.06032); 0.20 and 0.15 for BERT as in Meade et al. 2022
    (arXiv 2110.08527).
    """

    name: Literal["dropout"] = "dropout"
    hidden: float = Field(0.20, ge=0, lt=1)
    attention: float = Field(0.15, ge=0, lt=1)

    @contextmanager
    def training(self, model: LanguageModel) -> Iterator[None]:
        """Return a context in which the model has these dropout rates, added where it has none."""
        with own_dropout(model, self.hidden, self.attention) as has_hidden, ExitStack() as undo:
            for module in [] if has_hidden else _residual_branches(model):
                undo.callback(module.register_forward_hook(self._drop_output).remove)
            yield

    def _drop_output(self, module: nn.Module, _: Any, output: Any) -> Any:
        """Return the output of a module after dropout: a tensor, or a tuple that begins with one.

        A forward hook of torch. Nothing is dropped while the module is in evaluation mode.
        """
        from torch.nn.functional import dropout

        if isinstance(output, tuple):
            return (dropout(output[0], self.hidden, module.training), *output[1:])
        return dropout(output, self.hidden, module.training)


@contextmanager
def own_dropout(model: LanguageModel, hidden: float, attention: float) -> Iterator[bool]:
    """Return a context in which the dropout that the model has is set to these rates.

    It yields whether the model has any dropout of hidden states. Leaving it puts the old rates back.
    """
    from torch import nn

    with ExitStack() as undo:
        has_hidden = False
        for name, module in model.module.named_modules():
            if hasattr(module, "attention_dropout"):  # a number, in Llama's attention
                _set_attribute(undo, module, "attention_dropout", attention)
            if isinstance(module, nn.Dropout):
                is_attention = name.endswith(("self.dropout", "attn_dropout"))
                has_hidden |= not is_attention
                _set_attribute(undo, module, "p", attention if is_attention else hidden)
        yield has_hidden


def _set_attribute(undo: ExitStack, module: nn.Module, name: str, value: float) -> None:
    """Set an attribute of a module until the stack `undo` is closed."""
    undo.callback(setattr, module, name, getattr(module, name))
    setattr(module, name, value)


def _residual_branches(model: LanguageModel) -> Iterator[nn.Module]:
    """Yield the modules whose outputs are added to the residual stream, the embeddings first."""
    yield model.module.get_input_embeddings()  # type: ignore[operator]
    for block in model.blocks:
        for name, module in block.named_children():
            if re.search("attn|attention|mlp", name) and "norm" not in name:
                yield module
