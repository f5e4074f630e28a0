"""Make what is said of neutral words orthogonal to gender (context-debias)."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.data.comparisons import Comparison
from trainables.objectives.base import Objective, Side

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.comparisons import ComparedPairs
    from trainables.data.queries import Query
    from trainables.models.joint_forward import PairPredictions, Predictions
    from trainables.models.language_model import LanguageModel

AT_ONCE = 16  # pairs


class Orthogonal(Objective):
    """weight · mean over pairs of the mean over layers of α · mean (v·h)² + (1 − α) · mean (h − h₀)².

    In the first, h are the hidden states of the tokens that the twins share (which should tell no
    gender), v the mean state, of the base model, of each token in which twins differ (over
    `examples` pairs, drawn). In the second, h and h₀ are the states of all tokens now and in the base
    model, whose components' squares are averaged: what is known stays, gender included. layers: all
    (with the embeddings), first (the embeddings) or last. At the base the second is zero; neither is
    ever below. No text is learnt.

    Source: Kaneko & Bollegala 2021 (arXiv 2101.09523), α = 0.2, for masked models;
    there the neutral words come from a list of stereotypes.
    """

    compares: ClassVar[Comparison] = "as_written"
    uses_base: ClassVar[bool] = True
    reads_states: ClassVar[bool] = True

    name: Literal["orthogonal"] = "orthogonal"
    weight: float = Field(1.0, ge=0)
    alpha: float = Field(0.2, ge=0, le=1)
    layers: Literal["all", "first", "last"] = "all"
    examples: int = Field(200, ge=1)

    @property
    def trains_on(self) -> tuple[Side, ...]:
        return ()

    def prepare(self, model: LanguageModel, pairs: ComparedPairs) -> Tensor:
        """vectors_LGD: the mean base state of each of G gendered tokens in each layer."""
        num = len(pairs)
        drawn = random.Random("orthogonal").sample(range(num), min(self.examples, num))
        queries = [query for number in drawn for query in pairs[number][:2]]
        return gendered_states(model, queries)

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        sides = (pairs.stereotype, pairs.antistereotype)
        found = [self._of(reading, pairs.prepared) for reading in sides]
        return self.weight * (found[0] + found[1]).mean() / 2

    def _of(self, reading: Predictions, vectors_LGD: Tensor) -> Tensor:
        """Of each text: shape B."""
        import torch

        layers = {"all": slice(None), "first": slice(1), "last": slice(-1, None)}[self.layers]
        states_LBTD, base_LBTD = (
            states[layers] for states in (reading.states_LBTD, reading.base_states_LBTD)
        )
        overlaps_LBT = torch.einsum("lbtd,lgd->lbtg", states_LBTD, vectors_LGD[layers])
        overlaps_LBT = overlaps_LBT.square().mean(-1)
        moved_LBT = (states_LBTD - base_LBTD).square().mean(-1)
        neutral_BT = reading.is_text_BT & ~reading.is_target_BT
        return self.alpha * _mean(overlaps_LBT, neutral_BT) + (1 - self.alpha) * _mean(
            moved_LBT, reading.is_text_BT
        )


def _mean(values_LBT: Tensor, where_BT: Tensor) -> Tensor:
    """Over layers and the tokens meant: shape B; 0 where there is none."""
    sums_B = (values_LBT.mean(0) * where_BT).sum(1)
    return sums_B / where_BT.sum(1).clamp(min=1)


def gendered_states(model: LanguageModel, queries: Sequence[Query]) -> Tensor:
    """The mean base state of each token that the queries ask for: shape LGD."""
    import torch

    found: dict[int, list[Tensor]] = defaultdict(list)
    for low in range(0, len(queries), AT_ONCE):
        some = queries[low : low + AT_ONCE]
        states_LBTD = model.base_states(some)
        for b, query in enumerate(some):
            for place, token in query.targets.items():
                found[token].append(states_LBTD[:, b, place])
    if not found:
        raise ValueError("objective orthogonal needs pairs that differ in some word, but got none.")
    return torch.stack([torch.stack(found[token]).mean(0) for token in sorted(found)], dim=1)
