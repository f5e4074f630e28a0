"""Make the words of a gendered pair equally likely everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainables.data import counterfactual
from trainables.objectives.base import Objective

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.tokenizer import Tokenizer
    from trainables.models.joint_forward import Predictions
    from trainables.models.language_model import LanguageModel


class Equalising(Objective):
    """weight · mean over predicted tokens and word pairs (m, f) of |log p(m) − log p(f)|, in nats.

    Beside the language-modelling loss of the texts, which are learnt as they were found. The pairs
    are those of the word list whose two words are one token each. Zero where every pair is equally
    likely, never below 0, unbounded above.

    Source: Qian et al. 2019 (arXiv 1905.12801), with the mean over pairs.
    """

    name: Literal["equalising"] = "equalising"
    weight: float = Field(1.0, ge=0)

    def text_loss(self, model: LanguageModel, texts: Predictions) -> Tensor:
        import torch

        pairs = model.memo("word pairs", None, lambda: word_pairs(model.tokenizer))
        pairs_G2 = torch.tensor(pairs, device=model.device)
        log_prob_NV = texts.log_prob_NV
        gaps_NG = log_prob_NV[:, pairs_G2[:, 0]] - log_prob_NV[:, pairs_G2[:, 1]]
        return self.weight * gaps_NG.abs().mean()


def word_pairs(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Token ids of the gendered pairs that are one token each, within a text (after a space).

    Raises:
        ValueError: the tokenizer has no such pair.
    """
    swaps = counterfactual.gender_counterparts()
    words = sorted({(min(pair), max(pair)) for pair in swaps.items()})
    found = [tokenizer.encode([f"a {word}" for word in pair]) for pair in words]
    before = len(tokenizer.encode(["a"])[0])
    pairs = [(one[-1], other[-1]) for one, other in found if len(one) == len(other) == before + 1]
    unknown = tokenizer.hf.unk_token_id
    pairs = [pair for pair in pairs if unknown not in pair]
    if not pairs:
        raise ValueError(
            f"objective equalising needs gendered words that are one token each, but the tokenizer "
            f"of {tokenizer.folder.name} has none of {len(words)} pairs, he and she among them."
        )
    return pairs
