"""The loss of one part of a training step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from trainables.models.joint_forward import PairPredictions, predict_jointly

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.config import TrialConfig
    from trainables.models.language_model import LanguageModel
    from trainables.training.stream import MicroBatch

RECURRING = frozenset({"stereotypes", "antistereotypes", "anchors"})  # rows that come again


def loss(
    config: TrialConfig, model: LanguageModel, part: MicroBatch, prepared: Any = None
) -> Tensor:
    """Return NLL of the texts + objective(pairs, texts) + regulariser(weights, texts): ONE scalar.

    Each term is a mean over the part times the part's share of the step, so the parts of a step
    sum to the means over the step. All that a part asks of the model is read in one forward.

    prepared: what the objective's `prepare` returned.
    """
    objective, regulariser = config.objective, config.regulariser
    queries = {
        "texts": part.texts,
        "stereotypes": [pair.stereotype for pair in part.pairs],
        "antistereotypes": [pair.antistereotype for pair in part.pairs],
        "anchors": part.anchors,
    }
    # A mqueries model's texts are mqueries anew each time.
    again = RECURRING | ({"texts"} if model.family == "causal" else set())
    readings = predict_jointly(model, queries, recurring=again, hidden=objective.reads_states)
    total = part.share * torch.as_tensor(regulariser.on_weights(model))
    if part.texts:
        texts = readings["texts"]
        on_texts = objective.on_texts(model, texts) - texts.token_log_prob_N.mean()
        if regulariser.anchor is None:
            on_texts = on_texts + regulariser.on_texts(model, texts)
        total = total + part.texts_share * on_texts
    if part.pairs:
        shares_P = torch.tensor([pair.real_share for pair in part.pairs], device=model.device)
        pairs = PairPredictions(
            readings["stereotypes"], readings["antistereotypes"], shares_P, prepared
        )
        total = total + part.pairs_share * objective.on_pairs(model, pairs)
    if part.anchors:
        total = total + part.anchors_share * regulariser.on_texts(model, readings["anchors"])
    return total
