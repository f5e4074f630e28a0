"""Make the words of a gendered pair equally likely everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from trainables.data import counterfactual
from trainables.objectives.base import Objective
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.tokenizer import Tokenizer
    from trainables.models.joint_forward import Predictions
    from trainables.models.language_model import LanguageModel


class Equalising(Objective):
    """weight · mean over predicted tokens and word pairs (m, f) of |log p(m) − log p(f)|, in nats.

    It is added to the language-modelling loss of the texts as found. The word pairs are those of the
    list of gendered words whose two words are one token each. Zero where the words of every pair are
    equally likely, never below 0, unbounded above.

    Source: Qian et al. 2019 (arXiv 1905.12801). Deviation: the mean over word pairs.
    """

    name: Literal["equalising"] = "equalising"
    weight: float = Field(1.0, ge=0)

    def refuse_misfit(self, tokenizer: Tokenizer) -> None:
        """Refuse a tokenizer that cuts one word of each pair.

        Raises:
            ValueError: no gendered words are one token each.
        """
        word_pairs(tokenizer)

    def text_loss(self, model: LanguageModel, texts: Predictions) -> Tensor:
        """Return the weighted mean gap over predicted tokens and word pairs: a scalar in nats.

        Raises:
            ValueError: no gendered words are one token each for this tokenizer.
        """
        import torch

        pairs = model.memo("word pairs", None, lambda: word_pairs(model.tokenizer))
        pairs_G2 = torch.tensor(pairs, device=model.device)
        log_prob_NV = texts.log_prob_NV
        gaps_NG = log_prob_NV[:, pairs_G2[:, 0]] - log_prob_NV[:, pairs_G2[:, 1]]
        return self.weight * gaps_NG.abs().mean()


def word_pairs(tokenizer: Tokenizer) -> list[tuple[int, int]]:
    """Return the token ids (a, b) of each pair of gendered words that are one token each.

    They are the tokens that the words have within a text, after a space.

    Raises:
        ValueError: the tokenizer has no such pair.
    """
    swaps = counterfactual.gender_counterparts()
    words = sorted({(min(pair), max(pair)) for pair in swaps.items()})
    encoded = [tokenizer.encode([f"a {word}" for word in pair]) for pair in words]
    num_before = len(tokenizer.encode(["a"])[0])
    pairs = [
        (ids[-1], twin_ids[-1])
        for ids, twin_ids in encoded
        if len(ids) == len(twin_ids) == num_before + 1
    ]
    unknown = tokenizer.hf.unk_token_id
    pairs = [pair for pair in pairs if unknown not in pair]
    if not pairs:
        raise ValueError(
            f"objective equalising needs gendered words that are one token each, but the tokenizer "
            f"of {tokenizer.folder.name} has none of the {counted(len(words), 'pair')} such as he and "
            f"she: choose another objective."
        )
    return pairs
