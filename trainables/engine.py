"""A DeepSpeed engine around one trial's model: backward, step, save, load.

One process is a group of one; with RANK, WORLD_SIZE, LOCAL_RANK, MASTER_ADDR and MASTER_PORT set
(torchrun, Ray Train) the engine joins that group. Nothing is compiled at run time.
"""

from __future__ import annotations

import json
import logging
import math
import os
from collections.abc import Callable
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from trainables.config import TrainConfig
    from trainables.model import LanguageModel

Recall = Callable[[int], tuple[float, float]]

LEAST_FACTOR = 1e-12  # of an update: it must have an inverse
MOMENTS = ("exp_avg", "exp_avg_sq")  # what AdamW keeps of each weight


class Engine:
    """A context manager, so that whatever ends a trial also frees the engine.

    Attributes:
        steps: optimiser steps made so far.
        ended: whether it has been freed.
    """

    def __init__(
        self, model: LanguageModel, train: TrainConfig, recall: Recall = lambda step: (1.0, 0.0)
    ) -> None:
        """Trained are the weights that want a gradient now.

        recall: the step's (factor of the update, strength of the pull to the base), as
            trainables/terms.py says.
        """
        self.model = model
        self.train = train
        self.steps = 0
        self.ended = False
        self._recall = recall
        self._weights: dict[str, nn.Parameter] = {
            name: weight for name, weight in model.module.named_parameters() if weight.requires_grad
        }
        self._fused = model.device.type == "cuda"
        self._optimiser = torch.optim.AdamW(
            self._weights.values(),
            lr=0.0,  # set before each step; stage 0 in bf16 already makes one while it is set up
            weight_decay=train.weight_decay,
            fused=self._fused,
        )
        self._engine, *_ = _deepspeed().initialize(
            model=model.module, optimizer=self._optimiser, config=train.deepspeed()
        )
        if train.zero_stage == 0:
            # Stage 0 in bf16 makes an empty step at its start, which counts in AdamW's bias
            # correction and makes the first real steps up to a quarter too small.
            self._optimiser.state.clear()

    def backward(self, loss: Tensor) -> None:
        """Add one part of a step; the parts sum to the step's loss, and the last moves the weights.

        ONE backward a part: with several, ZeRO silently drops gradients.
        """
        factor, strength = self._recall(self.steps)
        factor = max(factor, LEAST_FACTOR)
        for group in self._optimiser.param_groups:
            group["lr"] = self.lr * factor
            group["weight_decay"] = self.train.weight_decay / factor  # by the whole lr
        pull = min(1.0, self.lr * strength)
        self._engine.backward(loss, scale_wrt_gas=False)
        last_part = self._engine.is_gradient_accumulation_boundary()
        diverged = last_part and not self._norm_is_finite()
        self._engine.step()
        if last_part and pull:
            self._pull_to_base(pull)
        self.steps += last_part
        norm = self._engine.get_global_grad_norm()  # where ZeRO has the gradient
        diverged |= last_part and norm is not None and not math.isfinite(norm)
        if diverged or (last_part and getattr(self._engine.optimizer, "overflow", False)):
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
            now = self._read_master(weight)
            self._write(weight, {"master": now.lerp(base[name], pull)})

    def save(self, folder: Path) -> None:
        """Write what resuming needs.

        Everything is safetensors and JSON: whoever opens a checkpoint runs no code of it. It does
        not depend on the ZeRO stage or on the number of processes.
        """
        from safetensors.torch import save_file

        folder.mkdir(parents=True, exist_ok=True)
        self._have_moments()
        state = {
            f"{key} {name}": value.detach().cpu().contiguous()
            for name, weight in self._weights.items()
            for key, value in self._read(weight).items()
        }
        save_file(state, folder / "optimiser.safetensors")
        (folder / "resume.json").write_text(json.dumps({"step": self.steps}))

    def load(self, folder: Path) -> None:
        """Go on where `save` was called.

        Raises:
            ValueError: the folder is no checkpoint of this model.
        """
        from safetensors.torch import load_file

        try:
            self.steps = int(json.loads((folder / "resume.json").read_text())["step"])
            state = load_file(folder / "optimiser.safetensors")
            self._have_moments()
            for name, weight in self._weights.items():
                self._write(weight, {key: state[f"{key} {name}"] for key in ("master", *MOMENTS)})
        except (FileNotFoundError, KeyError) as error:
            lacks = str(error).strip("'").rpartition("/")[2]  # a file's name, or a weight's
            raise ValueError(
                f"{folder} must be a checkpoint of this model saved by a trial, but lacks {lacks}."
            ) from error
        for of_weight in self._optimiser.state.values():
            of_weight["step"].fill_(self.steps)

    def _read(self, weight: nn.Parameter) -> dict[str, Tensor]:
        """The weight in fp32 and its two moments, gathered from wherever the stage keeps them."""
        if self.train.zero_stage == 0:
            moments = self._optimiser.state[self._masters[weight]]
            return {"master": self._read_master(weight), **{key: moments[key] for key in MOMENTS}}
        from deepspeed.utils import safe_get_full_optimizer_state

        moments = {key: safe_get_full_optimizer_state(weight, key) for key in MOMENTS}
        return {"master": self._read_master(weight), **moments}

    def _read_master(self, weight: nn.Parameter) -> Tensor:
        if self.train.zero_stage == 0:
            return self._masters[weight].data
        from deepspeed.utils import safe_get_full_fp32_param

        master: Tensor = safe_get_full_fp32_param(weight)
        return master

    def _write(self, weight: nn.Parameter, state: dict[str, Tensor]) -> None:
        """What is given of them."""
        moments = {key: value for key, value in state.items() if key in MOMENTS}
        weight.data.copy_(state["master"])
        if self.train.zero_stage == 0:
            master = self._masters[weight]
            master.data.copy_(state["master"])
            for key, value in moments.items():
                self._optimiser.state[master][key].copy_(value)
            return
        from deepspeed.utils import safe_set_full_fp32_param, safe_set_full_optimizer_state

        safe_set_full_fp32_param(weight, state["master"])
        for key, value in moments.items():
            safe_set_full_optimizer_state(weight, value, key)

    @cached_property
    def _masters(self) -> dict[nn.Parameter, nn.Parameter]:
        """Stage 0: the fp32 twins that the optimiser moves; in fp32 the weights themselves."""
        moved = self._optimiser.param_groups[0]["params"]
        return dict(zip(self._weights.values(), moved, strict=True))

    def _have_moments(self) -> None:
        """Before its first step AdamW has none, so there is nothing yet to read or to write."""
        for weight in self._optimiser.param_groups[0]["params"]:
            if weight not in self._optimiser.state:
                self._optimiser.state[weight] = {
                    "step": torch.zeros((), device=weight.device if self._fused else "cpu"),
                    **{key: torch.zeros_like(weight) for key in MOMENTS},
                }
        if self.train.zero_stage > 0:
            self._engine.optimizer._lazy_init_hp_params_optimizer_state()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        self._engine.destroy()
        self._engine.module_forward_pre_hook.remove()  # each holds the engine, and so all moments
        self._engine.module_forward_post_hook.remove()
        self._engine.optimizer = None
        del self._engine, self._optimiser
        self.__dict__.pop("_masters", None)
        for weight in self._weights.values():
            weight.grad = None


def lr_factor(train: TrainConfig, step: int) -> float:
    """Share of the peak learning rate at a step: linear warm-up, then the schedule down to 0."""
    warmup = round(train.warmup * train.steps)
    if step < warmup:
        return (step + 1) / (warmup + 1)
    done = (step - warmup) / max(1, train.steps - warmup)
    match train.schedule:
        case "constant":
            return 1.0
        case "linear":
            return 1.0 - done
        case "cosine":
            return 0.5 * (1.0 + math.cos(math.pi * done))


@cache
def _deepspeed() -> Any:
    """DeepSpeed with its process group up; imported late, because it takes seconds."""
    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
    import deepspeed

    logging.getLogger("DeepSpeed").setLevel(logging.WARNING)
    # This op would be compiled by g++ at first use; gloo does the same without.
    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
    backend = "nccl" if torch.cuda.is_available() else "gloo"
    if "RANK" not in os.environ and not torch.distributed.is_initialized():
        # A group of one needs neither a port nor an environment that its children would inherit.
        store = torch.distributed.HashStore()  # type: ignore[attr-defined]
        torch.distributed.init_process_group(backend, store=store, rank=0, world_size=1)
        os.environ.setdefault("LOCAL_RANK", "0")  # DeepSpeed asks for it, and only for it
    deepspeed.init_distributed(dist_backend=backend, verbose=False, auto_mpi_discovery=False)
    return deepspeed
