"""Learn the stereotypes, then take away what was learnt."""

from typing import Literal

from pydantic import Field

from trainables.objectives.base import Objective, Side


class TaskVector(Objective):
    """θ = θ₀ − scale · (θ_s − θ₀), with θ_s fine-tuned on the stereotypes of all pairs.

    What is measured, saved and fused is this θ; the loss that training shows falls as stereotypes
    are learnt.

    Source: Ilharco et al. 2023 (arXiv 2212.04089), negation; for bias: Dige et al. 2024
    (arXiv 2406.13551).
    """

    name: Literal["task_vector"] = "task_vector"
    scale: float = Field(1.0, ge=0)

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ("stereotype",)

    @property
    def update_factor(self) -> float:
        return -self.scale
