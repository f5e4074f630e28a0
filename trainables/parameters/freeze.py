"""Train a part of the model and freeze the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from trainables.parameters.base import Parameters

if TYPE_CHECKING:
    from torch import nn

    from trainables.models.language_model import LanguageModel


class Freeze(Parameters):
    """Freeze the named parts of the model; all other weights are trained.

    first_blocks, last_blocks: how many blocks (layers) at either end are frozen.
    embeddings: the weights before the blocks, BERT's normalisation of embeddings included.
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

    def refuse_misfit(
        self, name: str, num_blocks: int, linear_modules: Callable[[], list[str]]
    ) -> None:
        """Refuse a model with fewer blocks than are to be frozen.

        Raises:
            ValueError: first_blocks and last_blocks together are more than num_blocks.
        """
        num_frozen = self.first_blocks + self.last_blocks
        if num_frozen > num_blocks:
            raise ValueError(
                f"parameters.first_blocks and last_blocks must be together at most the "
                f"{num_blocks} blocks of {name}, but got {num_frozen}."
            )

    @contextmanager
    def training(self, model: LanguageModel, seed: int) -> Iterator[None]:
        """Return a context in which only the weights that are not frozen require a gradient.

        Raises:
            ValueError: the model has fewer blocks than are to be frozen, or every weight of it would
                be frozen.
        """
        frozen_ids = {id(weight) for weight in self._frozen_weights(model)}
        weights = list(model.module.parameters())
        if all(id(weight) in frozen_ids for weight in weights):
            raise ValueError(
                f"parameters: freeze must leave something of the model to train, but freezes all of "
                f"its {len(weights)} weights."
            )
        for weight in weights:
            weight.requires_grad_(id(weight) not in frozen_ids)
        try:
            yield
        finally:
            for weight in weights:
                weight.requires_grad_(True)

    def _frozen_weights(self, model: LanguageModel) -> Iterator[nn.Parameter]:
        """Yield the weights of the model that are to be frozen; a weight may come more than once.

        Raises:
            ValueError: the model has fewer blocks than are to be frozen.
        """
        from torch import nn

        blocks = model.blocks
        self.refuse_misfit(model.path.name, len(blocks), lambda: model.linear_modules)
        for block in [*blocks[: self.first_blocks], *blocks[len(blocks) - self.last_blocks :]]:
            yield from block.parameters()
        for block in blocks:
            for name, module in block.named_modules():
                is_attention = "attn" in name or "attention" in name
                is_norm = "norm" in type(module).__name__.lower()  # by class: GPT-2's is ln_1
                if not is_norm and (self.attention if is_attention else self.mlp):
                    yield from module.parameters(recurse=False)
        modules = [module for module in model.module.modules() if isinstance(module, nn.Embedding)]
        if embeddings := getattr(model.module.base_model, "embeddings", None):
            modules.append(embeddings)  # BERT's, with its normalisation
        before = {id(weight): weight for module in modules for weight in module.parameters()}
        if self.embeddings:
            yield from before.values()
        if self.head:
            yield from model.module.get_output_embeddings().parameters()  # type: ignore[operator]
            inside = {id(weight) for block in blocks for weight in block.parameters()}
            after = [w for w in model.module.parameters() if id(w) not in inside | before.keys()]
            yield from after
