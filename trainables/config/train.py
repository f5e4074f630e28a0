"""The key `train` of a trial: steps, learning rate, precision, and DeepSpeed's configuration."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from trainables.schema.strict import Strict


class UnequalParts(ValueError):
    """A step's texts cannot be shared out equally among the processes of a trial."""


class TrainConfig(Strict):
    """The settings of the optimiser.

    A step trains on `batch_size` texts, in `accumulation` micro-batches of equal size. If several
    processes train one model, each makes `accumulation` of them, and `batch_size` is that of all.
    """

    lr: float = Field(
        ge=0, le=1, description="peak learning rate; 0 is the control that moves nothing"
    )
    steps: int = Field(ge=1, le=1_000_000_000)
    batch_size: int = Field(16, ge=1, le=1_000_000, description="texts a step")
    accumulation: int = Field(
        1, ge=1, description="micro-batches a step and process, to save memory"
    )
    stop_after: int | None = Field(
        None,
        ge=1,
        exclude_if=lambda steps: steps is None,  # so that recipes without it keep their fingerprint
        description="end after so many of the steps, as a whole training was by then; all if left out",
    )
    report_every: int | None = Field(
        None, ge=1, description="steps between reports; only at the end if left out"
    )
    schedule: Literal["constant", "linear", "cosine"] = "linear"
    warmup: float = Field(
        0.0, ge=0, lt=1, description="share of the steps in which the learning rate rises"
    )
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, ge=0, description="largest norm of the gradient; 0 = no clipping")
    dtype: Literal["fp32", "bf16"] = "fp32"
    zero_stage: Literal[0, 1, 2, 3] = Field(
        0,
        description="1 to 3 share moments, gradients and weights among the processes of a trial; with "
        "one process they only cost time",
    )
    offload: Literal["none", "cpu"] = Field(
        "none",
        description="cpu keeps moments and fp32 weights in the machine's memory, from stage 1",
    )
    max_tokens: int = Field(
        128, ge=2, description="longer texts are cut, and at the model's positions"
    )

    @model_validator(mode="after")
    def _check_accumulation(self) -> Self:
        """Raise ValueError unless the micro-batches of a step are of equal size."""
        if self.batch_size % self.accumulation:
            raise ValueError(
                "batch_size must be a multiple of accumulation, "
                f"but got {self.batch_size} and {self.accumulation}"
            )
        return self

    @model_validator(mode="after")
    def _check_stop_after(self) -> Self:
        """Raise ValueError if the training is to end after more steps than it has."""
        if self.last_step > self.steps:
            raise ValueError(
                f"stop_after must be at most steps, but got {self.stop_after} and {self.steps}"
            )
        return self

    @model_validator(mode="after")
    def _check_offload(self) -> Self:
        """Raise ValueError if something is to be offloaded that ZeRO does not manage."""
        if self.offload != "none" and self.zero_stage == 0:
            raise ValueError(
                "offload must be none at zero_stage 0, where no part of DeepSpeed moves the "
                f"optimiser's state, but got {self.offload}: choose zero_stage 1, 2 or 3"
            )
        return self

    @property
    def last_step(self) -> int:
        """Number of steps that are made: all, or those up to `stop_after`."""
        return self.steps if self.stop_after is None else self.stop_after

    def refuse_unequal_parts(self, num_processes: int) -> None:
        """Refuse a batch size that the processes of a trial cannot share equally.

        Raises:
            UnequalParts: it is no multiple of their number times `accumulation`.
        """
        if self.batch_size % (self.accumulation * num_processes):
            raise UnequalParts(
                f"train.batch_size must be a multiple of accumulation times the processes of a trial, "
                f"{self.accumulation} · {num_processes}, but got {self.batch_size}."
            )

    def deepspeed(self, num_processes: int = 1) -> dict[str, Any]:
        """Return the configuration of DeepSpeed, as it is used and recorded.

        Settings are explicit where DeepSpeed's releases differ in the default: clipping (1.0 since
        0.19.3) and the check of bf16 overflow, which skips steps.

        num_processes: that train one model together.
        """
        micro_batch = self.batch_size // (self.accumulation * num_processes)
        zero: dict[str, Any] = {"stage": self.zero_stage, "overlap_comm": False}
        if self.offload == "cpu":
            zero["offload_optimizer"] = {"device": "cpu", "pin_memory": False}
        if self.zero_stage == 3:
            # Every weight is cut into parts, whatever its size: none is to be held twice.
            zero |= {"stage3_param_persistence_threshold": 0}
        return {
            "train_micro_batch_size_per_gpu": micro_batch,
            "gradient_accumulation_steps": self.accumulation,
            "gradient_clipping": self.clip,
            "bf16": {"enabled": self.dtype == "bf16", "check_grad_overflow": False},
            "fp16": {"enabled": False},
            "zero_optimization": zero,
            "zero_allow_untested_optimizer": True,
            "zero_force_ds_cpu_optimizer": False,  # it would be compiled at its first use
            "steps_per_print": 10**9,
            "wall_clock_breakdown": False,
        }
