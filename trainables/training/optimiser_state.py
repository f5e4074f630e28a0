"""Read and write the fp32 weights and moments of AdamW, wherever ZeRO keeps them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch

from trainables.training.shards import own_part

if TYPE_CHECKING:
    from torch import Tensor, nn

MOMENTS = ("exp_avg", "exp_avg_sq")  # AdamW's two moments of each weight
KINDS = ("master", *MOMENTS)  # master: the weight in fp32


class OptimiserState:
    """The state of an engine's optimiser by the names of the weights, whatever the ZeRO stage.

    It holds three tensors of a weight's shape for each weight: `master`, the weight in fp32, and
    AdamW's two moments. Stage 0 keeps them whole: the master is a copy of the weight, in fp32 the
    weight itself. Later stages keep them flat and cut into as many parts as there are processes, so
    every process must call each of these methods; stage 3 cuts every weight by itself.

    Attributes:
        weights: name -> weight, of those that are trained.
    """

    def __init__(
        self, weights: Mapping[str, nn.Parameter], adamw: torch.optim.AdamW, zero: Any = None
    ) -> None:
        """Bind the state to the engine's parts.

        weights: the trained weights by name, in the order in which AdamW has them.
        adamw: the optimiser within the engine.
        zero: DeepSpeed's optimiser around AdamW; None at stage 0.
        """
        self.weights = dict(weights)
        self._adamw = adamw
        self._zero = zero
        self._masters: dict[nn.Parameter, nn.Parameter] = {}
        if zero is None:
            masters = adamw.param_groups[0]["params"]
            self._masters = dict(zip(self.weights.values(), masters, strict=True))

    @property
    def _cuts_weights(self) -> bool:
        """Whether a process has a part of each weight, as at stage 3."""
        return hasattr(self._zero, "fp32_partitioned_groups_flat")

    def read(self) -> dict[str, dict[str, Tensor]]:
        """Return {name: {kind: tensor}} for all weights and KINDS, in fp32 on the CPU.

        A tensor may be a view of the live state: use it before the next step.
        """
        self._create_moments()
        return {
            name: {kind: value.detach().cpu() for kind, value in self._read(weight).items()}
            for name, weight in self.weights.items()
        }

    def write(self, state: Mapping[str, Mapping[str, Tensor]], step: int) -> None:
        """Set weights, moments and AdamW's step count from what `read` returned after `step` steps.

        The state may have been read at another ZeRO stage.
        """
        self._create_moments()
        for name, weight in self.weights.items():
            self.write_master(weight, state[name]["master"])
            for kind in MOMENTS:
                self._write_moment(weight, kind, state[name][kind])
        for adamw_state in self._adamw.state.values():
            adamw_state["step"].fill_(step)

    def read_master(self, weight: nn.Parameter) -> Tensor:
        """Return a weight in fp32."""
        if self._zero is None:
            return self._masters[weight].data
        from deepspeed.utils import safe_get_full_fp32_param

        master: Tensor = safe_get_full_fp32_param(weight)
        return master

    def write_master(self, weight: nn.Parameter, value: Tensor) -> None:
        """Set a weight to a value, both its fp32 master and the weight in its own precision."""
        if self._cuts_weights:
            from deepspeed.utils import safe_set_local_fp32_param

            part = own_part(weight, value)
            safe_set_local_fp32_param(weight, part)
            weight.ds_tensor.copy_(part)  # type: ignore[attr-defined]
            return
        weight.data.copy_(value)
        if self._zero is None:
            self._masters[weight].data.copy_(value)
            return
        from deepspeed.utils import safe_set_full_fp32_param

        safe_set_full_fp32_param(weight, value)

    def _read(self, weight: nn.Parameter) -> dict[str, Tensor]:
        """Return {kind: tensor} for one weight and all KINDS."""
        master = self.read_master(weight)
        if self._zero is None:
            moments = self._adamw.state[self._masters[weight]]
            return {"master": master, **{kind: moments[kind] for kind in MOMENTS}}
        from deepspeed.utils import safe_get_full_optimizer_state

        gathered = {kind: safe_get_full_optimizer_state(weight, kind) for kind in MOMENTS}
        return {"master": master, **gathered}

    def _write_moment(self, weight: nn.Parameter, kind: str, value: Tensor) -> None:
        """Set one of AdamW's moments of a weight to a value."""
        if self._zero is None:
            self._adamw.state[self._masters[weight]][kind].copy_(value)
            return
        if self._cuts_weights:
            from deepspeed.utils import safe_set_local_optimizer_state

            safe_set_local_optimizer_state(weight, own_part(weight, value), kind)
            return
        from deepspeed.utils import safe_set_full_optimizer_state

        safe_set_full_optimizer_state(weight, value, kind)

    def _create_moments(self) -> None:
        """Give AdamW zero moments where it has none, which is before its first step."""
        is_fused = self._adamw.defaults["fused"]
        masters = self._adamw.param_groups[0]["params"]
        if self._cuts_weights:  # its step lends AdamW one part after the other
            masters = self._zero.fp32_partitioned_groups_flat
        for weight in masters:
            if weight not in self._adamw.state:
                self._adamw.state[weight] = {
                    "step": torch.zeros((), device=weight.device if is_fused else "cpu"),
                    **{kind: torch.zeros_like(weight) for kind in MOMENTS},
                }
        if self._zero is not None and not self._cuts_weights:
            self._zero._lazy_init_hp_params_optimizer_state()
