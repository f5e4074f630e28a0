"""Dropout debiasing: train with more dropout, which weakens the associations behind a bias."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field

from trainables.objectives.base import Objective

if TYPE_CHECKING:
    from torch import nn

    from trainables.models.language_model import LanguageModel

# In the names of modules; the last three are in the place of attention in some blocks of Jamba,
# RecurrentGemma and LFM 2.
BRANCH = re.compile("attn|attention|mlp|ffn|feed_forward|mixer|moe|^mamba$|^temporal_block$|^conv$")


class Dropout(Objective):
    """Train on the texts as found with these dropout rates; no term is added to the loss.

    hidden: rate for hidden states. attention: rate for attention probabilities.

    They replace the rates of the model wherever it has dropout. Dropout acts in training only; a model
    is measured without any. In a model without dropout of hidden states (Llama) it is put where BERT
    has it: after the embeddings, and after the outputs of attention and MLP in each block.

    Source: Webster et al. 2020 (arXiv 2010.06032); 0.20 and 0.15 for BERT as in Meade et al. 2022
    (arXiv 2110.08527).
    """

    sets_dropout: ClassVar[bool] = True

    name: Literal["dropout"] = "dropout"
    hidden: float = Field(0.20, ge=0, lt=1)
    attention: float = Field(0.15, ge=0, lt=1)

    @contextmanager
    def training(self, model: LanguageModel) -> Iterator[None]:
        """Return a context in which the model has these dropout rates, added where it has none."""
        from trainables.objectives.dropout_rates import DropoutRates

        rates = DropoutRates(self.hidden, self.attention)
        with ExitStack() as undo:
            undo.enter_context(rates.in_training_of(model.module))
            branches = () if model.architecture.drops_states else _residual_branches(model)
            for module in branches:
                undo.callback(module.register_forward_hook(_drop_output).remove)
            yield


def _drop_output(module: nn.Module, _: Any, output: Any) -> Any:
    """Return the output of a module after dropout: a tensor, or a tuple that begins with one.

    A forward hook of torch. Nothing is dropped while the module is in evaluation mode; the rate is set
    by DropoutRates.
    """
    from torch.nn.functional import dropout

    if isinstance(output, tuple):
        return (dropout(output[0], training=module.training), *output[1:])
    return dropout(output, training=module.training)


def _residual_branches(model: LanguageModel) -> Iterator[nn.Module]:
    """Yield the modules whose outputs are added to the residual stream, the embeddings first."""
    yield model.module.get_input_embeddings()  # type: ignore[operator]
    for block in model.blocks:
        for name, module in block.named_children():
            if BRANCH.search(name) and "norm" not in name:
                yield module
