"""The keys `alignment` and `replay` of a trial: the data that it trains on."""

from typing import Self

from pydantic import Field, field_validator, model_validator

from trainables.data import sources
from trainables.data.counterfactual import Rule, Words
from trainables.data.sets import ALIGNMENT_SETS, TEXT_SETS
from trainables.schema.strict import Strict


class AlignmentConfig(Strict):
    """The pairs that the objective trains on and compares: sentences with counterfactual twins."""

    data: str
    size: int | None = Field(None, ge=1, description="pairs that are used; all of them if left out")
    seed: int = Field(0, ge=0, lt=2**31, description="which pairs are drawn, if size is given")
    swap: Rule = Field("improved", description="the rule that makes twins, where the set has none")
    words: Words = Field(
        "gender", description="the words that are swapped, where the set has no twins"
    )

    @field_validator("data")
    @classmethod
    def _check_name(cls, name: str) -> str:
        """Return the name of the set; raise ValueError unless it is a known set or a user's file."""
        return sources.check_name(name, ALIGNMENT_SETS, "pairs")

    @model_validator(mode="after")
    def _check_swap(self) -> Self:
        """Raise ValueError if `swap` or `words` is set for data that have twins, or do not fit them."""
        sources.check_swap(self.data, self.swap, self.words)
        return self


class ReplayConfig(Strict):
    """General texts that are mixed into training.

    data:  a set of general texts, or a file.
    ratio: their share of all texts that are trained on.
    """

    data: str
    ratio: float = Field(0.0, ge=0, lt=1)

    @field_validator("data")
    @classmethod
    def _check_name(cls, name: str) -> str:
        """Return the name of the set; raise ValueError unless it is a known set or a user's file."""
        return sources.check_name(name, TEXT_SETS, "texts")
