"""The key `train` of a trial: steps, learning rate, precision, and DeepSpeed's configuration."""

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from trainables.schema.strict import Strict


class TrainConfig(Strict):
    """The settings of the optimiser.

    A step trains on `batch_size` texts, in `accumulation` micro-batches of equal size.
    """

    lr: float = Field(
        ge=0, le=1, description="peak learning rate; 0 is the control that moves nothing"
    )
    steps: int = Field(ge=1)
    batch_size: int = Field(16, ge=1, description="texts a step")
    accumulation: int = Field(1, ge=1, description="micro-batches a step, to save memory")
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
    zero_stage: Literal[0, 1, 2] = Field(
        0, description="1 and 2 share memory among processes; with one process they only cost time"
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

    def deepspeed(self) -> dict[str, Any]:
        """Return the configuration of DeepSpeed, as it is used and recorded.

        Settings are explicit where DeepSpeed's releases differ in the default: clipping (1.0 since
        0.19.3) and the check of bf16 overflow, which skips steps.
        """
        return {
            "train_micro_batch_size_per_gpu": self.batch_size // self.accumulation,
            "gradient_accumulation_steps": self.accumulation,
            "gradient_clipping": self.clip,
            "bf16": {"enabled": self.dtype == "bf16", "check_grad_overflow": False},
            "fp16": {"enabled": False},
            "zero_optimization": {"stage": self.zero_stage, "overlap_comm": False},
            "zero_allow_untested_optimizer": True,
            "steps_per_print": 10**9,
            "wall_clock_breakdown": False,
        }
