"""Train a part of the model and freeze the rest."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from trainables.parameters.base import Parameters
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from torch import nn

    from trainables.models.language_model import LanguageModel
    from trainables.models.structure import Structure


class Freeze(Parameters):
    """Freeze the named parts of the model; all other weights are trained.

    first_blocks, last_blocks: how many blocks (layers) at either end are frozen.
    embeddings: the weights before the blocks, and tables of positions within them. BERT's normalisation
        of embeddings is among them, and ALBERT's projection.
    head: the weights after the blocks. Where the head shares its matrix with the embeddings (as in
        Llama's small models and in BERT), freezing either freezes that matrix.
    attention, mlp: these parts of all blocks, without normalisations.
    """

    name: Literal["freeze"] = "freeze"
    first_blocks: int = Field(0, ge=0)
    last_blocks: int = Field(0, ge=0)
    embeddings: bool = False
    head: bool = False
    attention: bool = False
    mlp: bool = False

    @model_validator(mode="after")
    def _freezes_something(self) -> Self:
        """Refuse settings that freeze nothing: they would be another name for `all`."""
        if self == type(self).model_construct():
            raise ValueError(
                "must freeze something: first_blocks, last_blocks, embeddings, head, attention or "
                "mlp; to train everything say parameters: all"
            )
        return self

    def refuse_misfit(self, name: str, structure: Structure) -> None:
        """Refuse a model with fewer blocks than are to be frozen, or of which nothing would be trained.

        Raises:
            ValueError: first_blocks and last_blocks together are more than its blocks, or all of them
                beside all that is around them; its blocks share their weights (ALBERT) or are no
                modules (XLM), or attention is to be frozen and no part of them is named so (Mamba).
        """
        if not structure.blocks:
            raise ValueError(
                f"parameters.name must be all or lora for {name}, whose {structure.num_blocks} blocks "
                f"are no modules of their own, but got 'freeze'."
            )
        in_blocks = [n for n in structure.linear if n.startswith(structure.blocks)]
        if self.attention and not any(map(_is_attention, in_blocks)):
            raise ValueError(
                f"parameters.attention must be left out for {name}, in whose blocks no part is named "
                f"attention, but got true."
            )
        num_frozen = self.first_blocks + self.last_blocks
        if num_frozen and structure.shares_blocks:
            raise ValueError(
                f"parameters.first_blocks and last_blocks must be left out for {name}, whose "
                f"{structure.num_blocks} blocks share their weights, but together they are "
                f"{num_frozen}: freeze attention, mlp, embeddings or head."
            )
        if num_frozen > structure.num_blocks:
            raise ValueError(
                f"parameters.first_blocks and last_blocks must be together at most the "
                f"{counted(structure.num_blocks, 'block')} of {name}, but got {num_frozen}."
            )
        all_before = self.embeddings or not structure.reads_before
        if self.head and all_before and num_frozen == structure.num_blocks:
            raise ValueError(
                f"parameters.first_blocks and last_blocks must be together at most "
                f"{structure.num_blocks - 1} for {name} where its head "
                f"{'and embeddings are' if self.embeddings else 'is'} frozen, or nothing is left to "
                f"train, but got {num_frozen}."
            )

    @contextmanager
    def training(self, model: LanguageModel, seed: int) -> Iterator[None]:
        """Return a context in which only the weights that are not frozen require a gradient.

        Raises:
            ValueError: the model has fewer blocks than are to be frozen, or every weight of it would
                be frozen.
        """
        frozen_ids = {id(weight) for weight in self._frozen_weights(model)}
        weights = [weight for weight in model.module.parameters() if weight.requires_grad]
        if all(id(weight) in frozen_ids for weight in weights):
            raise ValueError(
                f"parameters: freeze must leave something of the model to train, but freezes all of "
                f"its {counted(len(weights), 'weight')}."
            )
        frozen = [weight for weight in weights if id(weight) in frozen_ids]
        for weight in frozen:
            weight.requires_grad_(False)
        try:
            yield
        finally:
            for weight in frozen:
                weight.requires_grad_(True)

    def _frozen_weights(self, model: LanguageModel) -> Iterator[nn.Parameter]:
        """Yield the weights of the model that are to be frozen; a weight may come more than once.

        Raises:
            ValueError: the model has fewer blocks than are to be frozen.
        """
        structure = model.architecture.structure
        self.refuse_misfit(model.path.name, structure)
        blocks = model.blocks
        for block in [*blocks[: self.first_blocks], *blocks[len(blocks) - self.last_blocks :]]:
            yield from block.parameters()
        for block in blocks:
            for name, module in block.named_modules():
                is_norm = "norm" in type(module).__name__.lower()  # by class: GPT-2's is ln_1
                if not is_norm and (self.attention if _is_attention(name) else self.mlp):
                    yield from module.parameters(recurse=False)
        if self.embeddings:
            yield from _weights_before(model)
        if self.head:
            yield from _weights_after(model)


def _is_attention(name: str) -> bool:
    """Return whether a module of a block is a part of its attention, by its name."""
    return "attn" in name or "attention" in name


def _weights_before(model: LanguageModel) -> Iterator[nn.Parameter]:
    """Yield the weights before the blocks, with all tables, wherever these are."""
    from torch import nn

    for name, module in model.module.named_modules():
        if isinstance(module, nn.Embedding) or name in model.architecture.before:
            yield from module.parameters(recurse=False)


def _weights_after(model: LanguageModel) -> Iterator[nn.Parameter]:
    """Yield the weights after the blocks, and the matrix of the vocabulary, wherever it is."""
    from trainables.models.structure import vocabulary_head

    before = {id(weight) for weight in _weights_before(model)}
    for name, module in model.module.named_modules():
        if name in model.architecture.after:
            for weight in module.parameters(recurse=False):
                if id(weight) not in before:
                    yield weight
    head = vocabulary_head(model.module) or model.module.get_input_embeddings()  # type: ignore[operator]
    yield from head.parameters()
