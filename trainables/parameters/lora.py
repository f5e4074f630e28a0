"""LoRA: train low-rank adapters beside the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from trainables.parameters.base import Parameters

if TYPE_CHECKING:
    from torch import nn

    from trainables.models.language_model import LanguageModel
    from trainables.models.structure import Structure


class Lora(Parameters):
    """W = W₀ + (alpha / rank) · B·A; with rslora (rank-stabilised scaling) W₀ + (alpha / √rank) · B·A.

    W₀ is a matrix of the base. A (rank × in) is drawn at random and B (out × rank) starts at zero, so
    that the model starts as the base. Only A and B are trained. The merged model, with W, is measured
    and saved.

    targets: ends of the names of the modules that get adapters; when left out, every linear layer but
    the vocabulary head, and but out_proj of Mamba, whose matrix kernels read past an adapter. Experts
    are no layers of their own, and get none.

    Source: Hu et al. 2021 (arXiv 2106.09685); rslora: Kalajdzievski 2023 (arXiv 2312.03732). Biderman
    et al. 2024 (arXiv 2405.09673) take alpha = 2 · rank, and find that LoRA learns and forgets less.
    """

    adapts: ClassVar[bool] = True

    name: Literal["lora"] = "lora"
    rank: int = Field(8, ge=1)
    alpha: float | None = Field(None, gt=0, description="2 · rank when left out")
    rslora: bool = False
    targets: Annotated[tuple[str, ...], Field(strict=False, min_length=1)] | None = None

    def refuse_misfit(self, name: str, structure: Structure) -> None:
        """Refuse a model without linear modules for one of the targets, or with none to be adapted.

        Raises:
            ValueError: no name of a linear module ends with the target, or kernels read its matrix past
                any adapter (Mamba's out_proj); the sentence lists the ends.
        """
        adaptable = _adaptable(structure)
        ends = ", ".join(dict.fromkeys(module.rpartition(".")[2] for module in adaptable))
        for target in self.targets or ():
            if not any(_ends(module, target) for module in adaptable):
                raise ValueError(
                    f"parameters.targets must be ends of names of linear modules of {name} that can be "
                    f"adapted ({ends}), but got {target!r}."
                )
        if not adaptable:
            raise ValueError(
                f"parameters.name must be all or freeze for {name}, which has no linear modules that "
                f"can be adapted, but got 'lora'."
            )

    @contextmanager
    def training(self, model: LanguageModel, seed: int) -> Iterator[None]:
        """Return a context in which the model has adapters, and only these require a gradient.

        seed: of A. Drawing it leaves the global random state as it was.

        Raises:
            ValueError: the model has no linear modules for a target, or peft cannot adapt one.
        """
        import peft
        import torch

        structure = model.architecture.structure
        self.refuse_misfit(model.path.name, structure)
        settings = peft.LoraConfig(
            r=self.rank,
            lora_alpha=2 * self.rank if self.alpha is None else self.alpha,
            use_rslora=self.rslora,
            target_modules=[
                module
                for module in _adaptable(structure)
                if not self.targets or any(_ends(module, target) for target in self.targets)
            ],
        )
        with torch.random.fork_rng([model.device] if model.device.type == "cuda" else []):
            torch.manual_seed(seed)
            try:
                with _targets_as_they_are():
                    adapters = peft.LoraModel(model.module, {"default": settings}, "default")
            except ValueError as error:
                _take_adapters_off(model.module)
                reason = " ".join(str(error).split())
                raise ValueError(
                    f"parameters.targets must be modules of {model.path.name} that peft can adapt, "
                    f"but: {reason}"
                ) from error
        with model.adapted(adapters):
            yield


def _adaptable(structure: Structure) -> list[str]:
    """Return the names of the linear modules of a model beside which an adapter has an effect."""
    return [module for module in structure.linear if module not in structure.read_by_kernels]


def _ends(module: str, target: str) -> bool:
    """Return whether the last words of a module's name are the target."""
    return f".{module}".endswith(f".{target}")


@contextmanager
def _targets_as_they_are() -> Iterator[None]:
    """Return a context in which peft adapts the modules that it is given.

    In a mixture of experts it takes `mlp.down_proj` for the experts' (as checkpoints of transformers 4
    name them), and adapts these stacked matrices instead, which a merged model would lack.
    """
    from peft.utils import transformers_weight_conversion as conversion

    convert = conversion.convert_peft_config_for_transformers
    conversion.convert_peft_config_for_transformers = lambda *_, **__: None
    try:
        yield
    finally:
        conversion.convert_peft_config_for_transformers = convert


def _take_adapters_off(module: nn.Module) -> None:
    """Put the layers back that peft has wrapped before it failed."""
    for name, part in list(module.named_modules()):
        if hasattr(part, "lora_A"):
            parent, _, own_name = name.rpartition(".")
            setattr(module.get_submodule(parent), own_name, part.base_layer)
    module.requires_grad_(True)
