"""Some of the model is frozen."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from pydantic import Field, model_validator

from trainables.parameters.base import Parameters

if TYPE_CHECKING:
    from torch import nn

    from trainables.models.language_model import LanguageModel


class Freeze(Parameters):
    """The first and the last blocks, the embeddings, the head, or the attention or MLP of all blocks.

    head: all that comes after the blocks. Where a head shares its matrix with the embeddings (as
    Llama's small models and BERT do), freezing either freezes that matrix.
    """

    adapts: ClassVar[bool] = False

    name: Literal["freeze"] = "freeze"
    first_blocks: int = Field(0, ge=0)
    last_blocks: int = Field(0, ge=0)
    embeddings: bool = False
    head: bool = False
    attention: bool = False
    mlp: bool = False

    @model_validator(mode="after")
    def _freezes_something(self) -> Self:
        if self == type(self).model_construct():
            raise ValueError(
                "must freeze something: first_blocks, last_blocks, embeddings, head, attention or "
                "mlp; to train everything say parameters: all"
            )
        return self

    def refuse_misfit(
        self, name: str, num_blocks: int, linear_modules: Callable[[], list[str]]
    ) -> None:
        """Raises ValueError where a model of this kind has not as many blocks."""
        asked = self.first_blocks + self.last_blocks
        if asked > num_blocks:
            raise ValueError(
                f"parameters.first_blocks and last_blocks must be together at most the "
                f"{num_blocks} blocks of {name}, but got {asked}."
            )

    @contextmanager
    def training(self, model: LanguageModel, seed: int) -> Iterator[None]:
        """
        Raises:
            ValueError: the model has not as many blocks, or nothing of it would be trained.
        """
        frozen = {id(weight) for weight in self._frozen(model)}
        weights = list(model.module.parameters())
        if all(id(weight) in frozen for weight in weights):
            raise ValueError(
                f"parameters: freeze must leave something of the model to train, but freezes all of "
                f"its {len(weights)} weights."
            )
        for weight in weights:
            weight.requires_grad_(id(weight) not in frozen)
        try:
            yield
        finally:
            for weight in weights:
                weight.requires_grad_(True)

    def _frozen(self, model: LanguageModel) -> Iterator[nn.Parameter]:
        from torch import nn

        blocks = model.blocks
        self.refuse_misfit(model.path.name, len(blocks), lambda: model.linear_modules)
        for block in [*blocks[: self.first_blocks], *blocks[len(blocks) - self.last_blocks :]]:
            yield from block.parameters()
        inside = {id(weight) for block in blocks for weight in block.parameters()}
        for block in blocks:
            for name, part in block.named_modules():
                attends = "attn" in name or "attention" in name
                norm = "norm" in type(part).__name__.lower()  # GPT-2 calls its norms ln_1 and ln_2
                if not norm and (self.attention if attends else self.mlp):
                    yield from part.parameters(recurse=False)
        before = [part for part in model.module.modules() if isinstance(part, nn.Embedding)]
        if embeddings := getattr(model.module.base_model, "embeddings", None):
            before.append(embeddings)  # BERT's norm among them
        embedded = {id(weight): weight for part in before for weight in part.parameters()}
        if self.embeddings:
            yield from embedded.values()
        if self.head:
            yield from model.module.get_output_embeddings().parameters()  # type: ignore[operator]
            outside = inside | embedded.keys()
            yield from (w for w in model.module.parameters() if id(w) not in outside)
