"""The loss of one micro-batch of a training step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from trainables.models.joint_forward import PairPredictions, predict_jointly

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.config import TrialConfig
    from trainables.models.language_model import LanguageModel
    from trainables.training.stream import MicroBatch

RECURRING = frozenset({"stereotypes", "antistereotypes", "anchors"})  # groups whose rows come again


def loss(
    config: TrialConfig, model: LanguageModel, batch: MicroBatch, prepared: Any = None
) -> Tensor:
    """Return NLL(texts) + objective(pairs, texts) + regulariser(weights, texts): one scalar.

    Each term is its mean over the micro-batch times the micro-batch's share of the step. So the losses
    of a step's micro-batches sum to the means over the step. All queries go through the model in one
    forward.

    prepared: the result of the objective's `prepare`.
    """
    objective, regulariser = config.objective, config.regulariser
    queries = {
        "texts": batch.texts,
        "stereotypes": [pair.stereotype for pair in batch.pairs],
        "antistereotypes": [pair.antistereotype for pair in batch.pairs],
        "anchors": batch.anchors,
    }
    # A masked model's texts have new masks each time.
    recurring = RECURRING | ({"texts"} if model.family == "causal" else set())
    predictions = predict_jointly(
        model, queries, recurring=recurring, hidden=objective.reads_states
    )
    total = batch.share * torch.as_tensor(regulariser.weight_loss(model))
    if batch.texts:
        texts = predictions["texts"]
        text_loss = objective.text_loss(model, texts) - texts.token_log_prob_N.mean()
        if regulariser.anchor is None:
            text_loss = text_loss + regulariser.text_loss(model, texts)
        total = total + batch.texts_share * text_loss
    if batch.pairs:
        shares_P = torch.tensor([pair.real_share for pair in batch.pairs], device=model.device)
        pairs = PairPredictions(
            predictions["stereotypes"], predictions["antistereotypes"], shares_P, prepared
        )
        total = total + batch.pairs_share * objective.pair_loss(model, pairs)
    if batch.anchors:
        total = total + batch.anchors_share * regulariser.text_loss(model, predictions["anchors"])
    return total
