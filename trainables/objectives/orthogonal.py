"""Make the hidden states of neutral words orthogonal to gender (context-debias)."""

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

TEXTS_A_FORWARD = 16  # of the base model, when the gendered states are computed


class Orthogonal(Objective):
    """weight · mean over pairs of the mean over layers of α · mean (v·h)² + (1 − α) · mean (h − h₀)².

    In the first term h are the hidden states of the tokens that the twins share, which should not
    tell a gender. Each v is the mean state, in the base model, of one token in which twins differ,
    over `examples` pairs that are drawn; the mean is over h and v. In the second term h and h₀ are
    the states of all tokens in the model and in the base; the mean is over tokens and components, so
    that the states keep what they tell, gender included.

    layers: all (embeddings included), first (the embeddings) or last. Neither term is ever below 0;
    the second is zero at the base. The model trains on no text.

    Source: Kaneko & Bollegala 2021 (arXiv 2101.09523), with α = 0.2, for masked models. Deviation:
    there the neutral words come from a list of stereotypes.
    """

    compares: ClassVar[Comparison] = "as_written"
    uses_base: ClassVar[bool] = True
    reads_states: ClassVar[bool] = True

    name: Literal["orthogonal"] = "orthogonal"
    weight: float = Field(1.0, ge=0)
    alpha: float = Field(0.2, ge=0, le=1)
    layers: Literal["all", "first", "last"] = "all"
    examples: int = Field(
        200, ge=1, description="pairs from which the gendered states are computed"
    )

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """No text: pairs are compared only."""
        return ()

    def prepare(self, model: LanguageModel, pairs: ComparedPairs) -> Tensor:
        """Return vectors_LGD, the mean base state of each gendered token in each layer.

        L = layers, G = gendered tokens, D = width. The tokens are those of `examples` drawn pairs.

        Raises:
            ValueError: the texts of no drawn pair differ.
        """
        num_pairs = len(pairs)
        numbers = random.Random("orthogonal").sample(
            range(num_pairs), min(self.examples, num_pairs)
        )
        queries = [query for number in numbers for query in pairs[number][:2]]
        return gendered_states(model, queries)

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor:
        """Return the weighted mean over pairs of the mean loss of their two texts: a scalar."""
        stereotype_B = self._text_losses(pairs.stereotype, pairs.prepared)
        antistereotype_B = self._text_losses(pairs.antistereotype, pairs.prepared)
        return self.weight * (stereotype_B + antistereotype_B).mean() / 2

    def _text_losses(self, texts: Predictions, vectors_LGD: Tensor) -> Tensor:
        """Return the loss of each text before the weight: shape B."""
        import torch

        layers = {"all": slice(None), "first": slice(1), "last": slice(-1, None)}[self.layers]
        states_LBTD, base_LBTD = (
            states[layers] for states in (texts.states_LBTD, texts.base_states_LBTD)
        )
        overlap_LBTG = torch.einsum("lbtd,lgd->lbtg", states_LBTD, vectors_LGD[layers])
        overlap_LBT = overlap_LBTG.square().mean(-1)
        change_LBT = (states_LBTD - base_LBTD).square().mean(-1)
        neutral_BT = texts.is_text_BT & ~texts.is_target_BT
        overlap_B = _masked_mean(overlap_LBT, neutral_BT)
        change_B = _masked_mean(change_LBT, texts.is_text_BT)
        return self.alpha * overlap_B + (1 - self.alpha) * change_B


def _masked_mean(values_LBT: Tensor, mask_BT: Tensor) -> Tensor:
    """Return the mean over layers and the tokens in the mask: shape B; 0 where the mask is empty."""
    sums_B = (values_LBT.mean(0) * mask_BT).sum(1)
    return sums_B / mask_BT.sum(1).clamp(min=1)


def gendered_states(model: LanguageModel, queries: Sequence[Query]) -> Tensor:
    """Return the mean base state of each token that is a target of the queries: shape LGD.

    G counts the distinct target tokens, in the order of their ids.

    Raises:
        ValueError: the queries have no target.
    """
    import torch

    states_of_token: dict[int, list[Tensor]] = defaultdict(list)
    for first in range(0, len(queries), TEXTS_A_FORWARD):
        batch = queries[first : first + TEXTS_A_FORWARD]
        states_LBTD = model.base_states(batch)
        for b, query in enumerate(batch):
            for place, token in query.targets.items():
                states_of_token[token].append(states_LBTD[:, b, place])
    if not states_of_token:
        raise ValueError(
            "objective orthogonal needs pairs that differ in some word, but got none: take other "
            "pairs, or a larger train.max_tokens."
        )
    means = [torch.stack(states_of_token[token]).mean(0) for token in sorted(states_of_token)]
    return torch.stack(means, dim=1)
