"""The key `fusion` of a trial: weights between the base and the trained model."""

from typing import Annotated

from pydantic import Field, field_validator

from trainables.metrics.names import TRAINED
from trainables.schema.strict import Strict

MAX_ALSO = 50  # further α; each is measured as a model of its own


class FusionConfig(Strict):
    """The α of the models θ₀ + α (θ − θ₀) that are measured, between the base θ₀ and the trained θ.

    Source: WiSE-FT, Wortsman et al. 2022, Robust fine-tuning of zero-shot models (arXiv 2109.01903).
    Lin et al. 2023, Mitigating the alignment tax of RLHF (arXiv 2309.06256), found it the best
    trade-off against forgetting.

    alpha: the α of the trial: this model is measured, saved and reported to the search.
    also:  further α, each measured as a candidate of its own, with metrics named `fusion/α/…`; 0
           is the base model, and no further candidate.
    """

    alpha: float = Field(TRAINED, ge=0, le=1)
    also: tuple[Annotated[float, Field(strict=True, ge=0, le=1)], ...] = Field(
        (), strict=False, max_length=MAX_ALSO
    )

    @field_validator("also")
    @classmethod
    def _check_also(cls, also: tuple[float, ...]) -> tuple[float, ...]:
        """Return the further α; raise ValueError unless each has a name of its own with six digits."""
        if len({float(f"{alpha:g}") for alpha in also} & set(also)) < len(also):
            raise ValueError(
                "must hold different numbers of at most six digits, which name their metrics, "
                f"but got {', '.join(map(str, also))}"
            )
        return also
