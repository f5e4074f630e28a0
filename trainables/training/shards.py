"""ZeRO-3: the module of a trial while each process holds a part of every weight."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from trainables.config import TrainConfig
    from trainables.models.language_model import LanguageModel
    from trainables.training.ranks import Ranks


@contextmanager
def module_to_cut(model: LanguageModel, train: TrainConfig) -> Iterator[None]:
    """Within the block, the model has a module that DeepSpeed may cut up for good, if ZeRO-3 is wanted.

    The module that later trials need keeps neither weights nor hooks meanwhile, and has the base's
    weights afterwards.
    """
    if train.zero_stage < 3:
        yield
        return
    module = model.module
    model.module, model.is_sharded = copy.deepcopy(module), True
    for weight in module.parameters():
        weight.data = weight.data.new_empty(0)
    try:
        yield
    finally:
        model.module, model.is_sharded = module, False
        model.reset(train.dtype)


@contextmanager
def whole_model(model: LanguageModel, ranks: Ranks) -> Iterator[bool]:
    """Within the block, the first process's model has all its weights; yield whether this is it.

    Up to ZeRO-2 every process has them all the time. At stage 3 they are gathered into a plain copy of
    the base, which takes the place of the module for the block. Every process must enter the block at
    the same step; within it they need not do the same.
    """
    if not model.is_sharded:
        yield ranks.is_first
        return
    whole = copy.deepcopy(model.base_in_dtype) if ranks.is_first else None
    weights = {} if whole is None else dict(whole.named_parameters())
    for name, part in model.module.named_parameters():
        with gathered(part) as value:
            if name in weights:
                weights[name].data.copy_(value)
                weights[name].requires_grad_(part.requires_grad)
    if whole is None:
        yield False
        return
    cut_module = model.module
    model.module, model.is_sharded = whole, False
    try:
        yield True
    finally:
        model.module, model.is_sharded = cut_module, True


@contextmanager
def gathered(weight: torch.nn.Parameter) -> Iterator[torch.Tensor]:
    """Within the block, yield all of a weight of which each process has a part; it stays as it is."""
    from deepspeed.runtime.zero import GatheredParameters

    with GatheredParameters([weight]):
        yield weight.data


@contextmanager
def all_gathered(model: LanguageModel) -> Iterator[None]:
    """Within the block, the module has all of its weights, for a loss that is a function of them."""
    if not model.is_sharded:
        yield
        return
    from deepspeed.runtime.zero import GatheredParameters

    with GatheredParameters(list(model.module.parameters())):
        yield


def own_part(weight: torch.nn.Parameter, value: torch.Tensor) -> torch.Tensor:
    """Return this process's part of a value of a weight's shape, in a row, padded with 0."""
    size = weight.ds_tensor.numel()  # type: ignore[attr-defined]
    start = size * torch.distributed.get_rank()
    part = value.flatten()[start : start + size]
    return torch.nn.functional.pad(part, (0, size - part.numel()))


def forget(module: torch.nn.Module) -> None:
    """Let DeepSpeed forget a module that it has cut up: it keeps every one until the process ends."""
    from deepspeed.runtime.zero import parameter_offload

    stack = parameter_offload.FWD_MODULE_STACK
    stack[:] = [other for other in stack if other is not module]
