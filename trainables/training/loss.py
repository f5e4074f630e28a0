"""The loss of one micro-batch of a training step, by its terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from trainables.models.joint_forward import PairPredictions, predict_jointly
from trainables.training.shards import all_gathered

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.models.language_model import LanguageModel
    from trainables.training.stream import MicroBatch

RECURRING = frozenset({"stereotypes", "antistereotypes", "anchors"})  # groups whose rows come again


class Loss(NamedTuple):
    """The loss of a micro-batch by its terms, each a scalar as it enters the sum.

    A term is its mean over the micro-batch times the micro-batch's share of the step. So the losses of
    a step's micro-batches sum to the means over the step. A term that a trial does not have is 0.

    text_nll:    NLL of the texts that are trained on, in nats per predicted token.
    objective:   the objective's loss on pairs and texts, times its weight.
    regulariser: the regulariser's loss on weights and texts, times its weight.
    """

    text_nll: Tensor | float
    objective: Tensor | float
    regulariser: Tensor | float

    @property
    def total(self) -> Tensor:
        """Return the sum of the terms: the loss of which a step takes the gradient."""
        return torch.as_tensor(self.text_nll + self.objective + self.regulariser)

    def detached(self) -> Loss:
        """Return the terms without the graph of their gradient; nothing is waited for."""
        return Loss(*(t.detach() if isinstance(t, Tensor) else t for t in self))


def loss(
    config: TrialConfig, model: LanguageModel, batch: MicroBatch, prepared: Any = None
) -> Loss:
    """Return NLL(texts) + objective(pairs, texts) + regulariser(weights, texts) by these terms.

    All queries go through the model in one forward.

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
    text_nll: Tensor | float = 0.0
    debiasing: Tensor | float = 0.0
    held: Tensor | float = 0.0
    if regulariser.has_weight_loss:
        with all_gathered(model):
            held = batch.share * regulariser.weight_loss(model)
    if batch.texts:
        texts = predictions["texts"]
        text_nll = batch.texts_share * -texts.token_log_prob_N.mean()
        debiasing = batch.texts_share * objective.text_loss(model, texts)
        if regulariser.anchor is None:
            held = held + batch.texts_share * regulariser.text_loss(model, texts)
    if batch.pairs:
        shares_P = torch.tensor([pair.real_share for pair in batch.pairs], device=model.device)
        pairs = PairPredictions(
            predictions["stereotypes"], predictions["antistereotypes"], shares_P, prepared
        )
        debiasing = debiasing + batch.pairs_share * objective.pair_loss(model, pairs)
    if batch.anchors:
        anchors = predictions["anchors"]
        held = held + batch.anchors_share * regulariser.text_loss(model, anchors)
    return Loss(text_nll, objective=debiasing, regulariser=held)
