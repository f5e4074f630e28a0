"""Counterfactual data augmentation: train on texts whose genders are swapped."""

from typing import Literal

from trainables.objectives.base import Objective, Side

TRAINED_ON: dict[str, tuple[Side, ...]] = {
    "two": ("original", "twin"),
    "one": ("twin",),
    "anti": ("antistereotype",),
}


class Cda(Objective):
    """Counterfactual data augmentation: train on texts whose genders are swapped.

    Only the texts change. Nothing is added to the language-modelling loss, which is the mean over
    tokens of −log p, in nats. For texts D, sides chooses the texts that it is taken on:

    two:  D ∪ swap(D). Both genders are seen equally often, so training ends at balance.
    one:  swap(D). Only the twins are seen, so training for long enough reverses the skew.
    anti: of each text and its twin, the one against the stereotype. It reverses the skew soonest.

    Source: Zhao et al. 2018 (arXiv 1804.06876); two-sided as in Meade et al. 2022
    (arXiv 2110.08527); one-sided (substitution) as in Maudslay et al. 2019 (arXiv 1909.00871).
    """

    name: Literal["cda"] = "cda"
    sides: Literal["one", "two", "anti"] = "two"

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """The original and its twin (two), the twin (one) or the anti-stereotype (anti)."""
        return TRAINED_ON[self.sides]
