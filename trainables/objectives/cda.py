"""Counterfactual data augmentation: learn the texts with their genders swapped."""

from typing import Literal

from trainables.objectives.base import Objective, Side

LEARNS: dict[str, tuple[Side, ...]] = {
    "two": ("original", "twin"),
    "one": ("twin",),
    "anti": ("antistereotype",),
}


class Cda(Objective):
    """−log p(x) over D ∪ swap(D) (sides: two), over swap(D) alone (one), or over those of either
    that go against the stereotype (anti).

    two: both genders are seen equally often, so the pull ends at balance. one: only the
    counterfactual is seen, so training long enough turns the skew around; anti does so soonest.
    Nothing is added to the language-modelling loss; what changes is the text it sees.

    Source: Zhao et al. 2018 (arXiv 1804.06876); two-sided as in Meade et al. 2022
    (arXiv 2110.08527); one-sided (substitution) as in Maudslay et al. 2019 (arXiv 1909.00871).
    """

    name: Literal["cda"] = "cda"
    sides: Literal["one", "two", "anti"] = "two"

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return LEARNS[self.sides]
