"""Task negation: fine-tune on the stereotypes, then subtract the change of the weights."""

from typing import Literal

from pydantic import Field

from trainables.objectives.base import Objective, Side


class TaskVector(Objective):
    """The debiased model θ = θ₀ − scale · (θ_s − θ₀), where θ_s is fine-tuned on all stereotypes.

    θ₀ is the base. This θ is measured, saved and fused. The loss is that of θ_s: it falls while
    training, as the stereotypes become more likely. Replayed texts are subtracted like them.

    Source: Ilharco et al. 2023 (arXiv 2212.04089), negation; for bias: Dige et al. 2024
    (arXiv 2406.13551).
    """

    name: Literal["task_vector"] = "task_vector"
    scale: float = Field(1.0, ge=0)

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """The stereotype of each pair."""
        return ("stereotype",)

    @property
    def update_factor(self) -> float:
        """−scale: the change by training is subtracted from the base."""
        return -self.scale
