"""A DeepSpeed engine around one trial's model: backward and step."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Self

import torch
from torch import Tensor, nn

from trainables.training.optimiser_state import OptimiserState
from trainables.training.process_group import start_deepspeed
from trainables.training.ranks import ALONE
from trainables.training.schedule import lr_factor
from trainables.training.shards import forget

if TYPE_CHECKING:
    from trainables.config import TrainConfig
    from trainables.models.language_model import LanguageModel
    from trainables.regularisers.base import Pull
    from trainables.training.ranks import Ranks


class Engine:
    """Trains the weights of a model that want a gradient when the engine is made.

    It is a context manager: DeepSpeed's engine and the gradients are freed however the trial ends.

    Attributes:
        steps: optimiser steps made so far.
        gradient_norm: L2 norm of the last step's gradient over all trained weights, before clipping;
            NaN before the first step.
        state: fp32 weights and moments, until the engine is freed.
        is_freed: whether the context has ended.
    """

    def __init__(
        self,
        model: LanguageModel,
        train: TrainConfig,
        pull_to_base: Callable[[int], Pull | None] = lambda step: None,
        ranks: Ranks = ALONE,
    ) -> None:
        """Wrap the model in DeepSpeed, with AdamW.

        pull_to_base: step, from 1 on -> its change, as Regulariser.pull_to_base returns it.
        ranks: the place of this process among those that train the model together.
        """
        self.model = model
        self.train = train
        self.ranks = ranks
        self.steps = 0
        self.gradient_norm = math.nan
        self.is_freed = False
        self._pull_of_step = pull_to_base
        self._weights: dict[str, nn.Parameter] = {
            name: weight for name, weight in model.module.named_parameters() if weight.requires_grad
        }
        self._optimiser = torch.optim.AdamW(
            self._weights.values(),
            lr=0.0,  # set before each step; stage 0 in bf16 makes a step when it is set up
            weight_decay=train.weight_decay,
            fused=model.device.type == "cuda",
        )
        self._engine, *_ = start_deepspeed().initialize(
            model=model.module, optimizer=self._optimiser, config=train.deepspeed(ranks.size)
        )
        if train.zero_stage == 0:
            # Stage 0 in bf16 makes an empty step at its start, which counts in AdamW's bias
            # correction and makes the first real steps up to a quarter too small.
            self._optimiser.state.clear()
        zero = self._engine.optimizer if train.zero_stage > 0 else None
        self.state = OptimiserState(self._weights, self._optimiser, zero)

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of one micro-batch's loss; with the last one of a step, move the weights.

        The losses of a step's micro-batches, over all processes, sum to the step's loss. Call this once
        a micro-batch: ZeRO silently drops gradients where it is called several times.
        If the gradient or its norm is not finite, all trained weights become NaN.
        """
        pull, lr = self._pull_of_step(self.steps + 1), self.lr
        for group in self._optimiser.param_groups:
            group["lr"] = lr
            if pull is not None:
                # Weight decay comes after the pull; AdamW would make it smaller by the factor, too.
                group |= {"lr": lr * pull.factor, "eps": pull.epsilon, "weight_decay": 0.0}
        # DeepSpeed takes the mean over the processes.
        self._engine.backward(loss * self.ranks.size, scale_wrt_gas=False)
        is_last = self._engine.is_gradient_accumulation_boundary()
        norm_at_weights = self._norm_at_weights() if is_last else math.nan
        self._engine.step()
        if is_last and pull is not None:
            self._pull_and_decay(min(1.0, lr * pull.strength), lr * self.train.weight_decay)
        self.steps += is_last
        if is_last:
            norm = self._engine.get_global_grad_norm()  # where ZeRO or bf16 hold the gradient
            self.gradient_norm = norm_at_weights if norm is None else float(norm)
            has_diverged = not (
                math.isfinite(norm_at_weights) and math.isfinite(self.gradient_norm)
            )
            has_diverged |= bool(getattr(self._engine.optimizer, "overflow", False))
            if any(self.ranks.summed([has_diverged])):
                self._make_look_diverged()

    def _make_look_diverged(self) -> None:
        """Set all trained weights to NaN.

        DeepSpeed skips a step whose gradient is not finite, and clipping sets a gradient of infinite
        norm to zero. The trial would look as if it had forgotten nothing.
        """
        for weight in self._weights.values():
            weight.data.fill_(math.nan)
            if self.train.zero_stage == 3:
                weight.ds_tensor.fill_(math.nan)  # type: ignore[attr-defined]

    def _norm_at_weights(self) -> float:
        """Return the norm of the gradients, as far as they are at the weights; 0 if none is there."""
        gradients = [w.grad for w in self._weights.values() if w.grad is not None]
        return float(torch.nn.utils.get_total_norm(gradients)) if gradients else 0.0

    @property
    def lr(self) -> float:
        """Learning rate of the next step; it depends on the step's number alone."""
        return self.train.lr * lr_factor(self.train, self.steps)

    def _pull_and_decay(self, pull: float, decay: float) -> None:
        """Move each trained weight by the share `pull` of its way to the base, then `decay` to 0."""
        if not pull and not decay:
            return
        base = dict(self.model.base.named_parameters())
        for name, weight in self._weights.items():
            master = self.state.read_master(weight)
            self.state.write_master(weight, master.lerp(base[name], pull) * (1 - decay))

    def resume(self, steps: int, state: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Continue after `steps` optimiser steps, with what `state.read()` returned then."""
        self.state.write(state, steps)
        self.steps = steps

    def __enter__(self) -> Self:
        """Return the engine."""
        return self

    def __exit__(self, *_: object) -> None:
        """Free DeepSpeed's engine, its hooks on the module, and the gradients."""
        self.is_freed = True
        self._engine.destroy()
        # Each hook refers to the engine, and so to all moments.
        self._engine.module_forward_pre_hook.remove()
        self._engine.module_forward_post_hook.remove()
        self._engine.optimizer = None
        if self.train.zero_stage == 3:
            forget(self.model.module)
        del self._engine, self._optimiser, self.state
        for weight in self._weights.values():
            weight.grad = None
