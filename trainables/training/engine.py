"""A DeepSpeed engine around one trial's model: backward and step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from trainables.training.optimiser_state import OptimiserState
from trainables.training.process_group import start_deepspeed
from trainables.training.schedule import lr_factor

if TYPE_CHECKING:
    from trainables.config import TrainConfig
    from trainables.models.language_model import LanguageModel

PullToBase = Callable[[int], tuple[float, float]]

MIN_FACTOR = 1e-12  # of an update: it must have an inverse


class Engine:
    """A context manager, so that whatever ends a trial also frees the engine.

    Attributes:
        steps: optimiser steps made so far.
        state: fp32 weights and moments, until the engine has been freed.
        ended: whether it has been freed.
    """

    def __init__(
        self,
        model: LanguageModel,
        train: TrainConfig,
        pull_to_base: PullToBase = lambda step: (1.0, 0.0),
    ) -> None:
        """The engine trains the weights that want a gradient now.

        pull_to_base: gives, of a step, (factor of the update, strength of the pull to the base); see
            Regulariser.pull_to_base.
        """
        self.model = model
        self.train = train
        self.steps = 0
        self.ended = False
        self._factor_and_strength = pull_to_base
        self._weights: dict[str, nn.Parameter] = {
            name: weight for name, weight in model.module.named_parameters() if weight.requires_grad
        }
        self._optimiser = torch.optim.AdamW(
            self._weights.values(),
            lr=0.0,  # set before each step; stage 0 in bf16 already makes one while it is set up
            weight_decay=train.weight_decay,
            fused=model.device.type == "cuda",
        )
        self._engine, *_ = start_deepspeed().initialize(
            model=model.module, optimizer=self._optimiser, config=train.deepspeed()
        )
        if train.zero_stage == 0:
            # Stage 0 in bf16 makes an empty step at its start, which counts in AdamW's bias
            # correction and makes the first real steps up to a quarter too small.
            self._optimiser.state.clear()
        zero = self._engine.optimizer if train.zero_stage > 0 else None
        self.state = OptimiserState(self._weights, self._optimiser, zero)

    def backward(self, loss: Tensor) -> None:
        """Add the loss of one micro-batch; the last of a step moves the weights.

        The losses of a step's micro-batches sum to the step's loss. ONE backward a micro-batch: with
        several, ZeRO silently drops gradients.
        """
        factor, strength = self._factor_and_strength(self.steps)
        factor = max(factor, MIN_FACTOR)
        for group in self._optimiser.param_groups:
            group["lr"] = self.lr * factor
            group["weight_decay"] = self.train.weight_decay / factor  # by the whole lr
        pull = min(1.0, self.lr * strength)
        self._engine.backward(loss, scale_wrt_gas=False)
        is_last = self._engine.is_gradient_accumulation_boundary()
        diverged = is_last and not self._norm_is_finite()
        self._engine.step()
        if is_last and pull:
            self._pull_to_base(pull)
        self.steps += is_last
        norm = self._engine.get_global_grad_norm()  # where ZeRO has the gradient
        diverged |= is_last and norm is not None and not math.isfinite(norm)
        if diverged or (is_last and getattr(self._engine.optimizer, "overflow", False)):
            # DeepSpeed leaves out a step whose gradient is not finite, clipping makes nothing of one
            # whose norm is not, and the trial would look like one that has forgotten nothing. So
            # what diverged is made to look diverged.
            for weight in self._weights.values():
                weight.data.fill_(math.nan)

    def _norm_is_finite(self) -> bool:
        """Whether the gradient can be clipped and squared, where it lies at the weights."""
        gradients = [w.grad for w in self._weights.values() if w.grad is not None]
        return not gradients or bool(torch.nn.utils.get_total_norm(gradients).isfinite())

    @property
    def lr(self) -> float:
        """Learning rate of the step to come: a function of its number alone, so resuming is exact."""
        return self.train.lr * lr_factor(self.train, self.steps)

    def _pull_to_base(self, pull: float) -> None:
        """Move each weight back by this much of its way from the base."""
        base = dict(self.model.base.named_parameters())
        for name, weight in self._weights.items():
            master = self.state.read_master(weight)
            self.state.write_master(weight, master.lerp(base[name], pull))

    def resume(self, steps: int, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Continue after this many steps made, with what `state.read()` returned then."""
        self.state.write(state, steps)
        self.steps = steps

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        self._engine.destroy()
        self._engine.module_forward_pre_hook.remove()  # each holds the engine, and so all moments
        self._engine.module_forward_post_hook.remove()
        self._engine.optimizer = None
        del self._engine, self._optimiser, self.state
        for weight in self._weights.values():
            weight.grad = None
