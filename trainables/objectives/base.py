"""The contract of an objective, the term of the loss that lowers the bias.

One step's loss = NLL of the texts + objective(pairs, texts) + regulariser(weights, texts).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from torch import Tensor

    from trainables.data.comparisons import ComparedPairs, Comparison
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.joint_forward import PairPredictions, Predictions
    from trainables.models.language_model import LanguageModel


# One of the two texts of a pair: as found in the corpus, or its counterfactual; or by its meaning.
Side = Literal["original", "twin", "stereotype", "antistereotype"]


class Objective(Strict):
    """A formula that lowers the bias. Its fields are its hyper-parameters.

    families: model families that the formula is defined for.
    compares: how the two texts of a pair are compared (trainables/data/comparisons.py); None if the
        loss does not compare them.
    reads_states: whether the loss needs hidden states of the pairs, beside predictions.
    uses_base: whether the loss compares the model with the frozen base. Its dropout is then off while
        training, as in TRL; its noise would count as drift. So are layers that are left out at random,
        and all else that the architecture draws in training.
    sets_dropout: whether its formula is dropout, which stays on even where a regulariser compares with
        the base.
    """

    families: ClassVar[tuple[str, ...]] = ("causal", "masked")
    compares: ClassVar[Comparison | None] = None
    reads_states: ClassVar[bool] = False
    uses_base: ClassVar[bool] = False
    sets_dropout: ClassVar[bool] = False

    name: str

    @property
    def trains_on(self) -> tuple[Side, ...]:
        """The texts of a pair that the language-modelling loss is taken on; may be empty."""
        return ("original",)

    @property
    def needs_real_share(self) -> bool:
        """Whether the loss needs the real share of each pair (trainables/data/pairs.py)."""
        return False

    @property
    def update_factor(self) -> float:
        """The factor f of the debiased model θ₀ + f · (θ − θ₀); θ₀ is the base, θ the trained model."""
        return 1.0

    def refuse_misfit(self, tokenizer: Tokenizer) -> None:
        """Refuse a model by its tokenizer, before its weights are loaded; accept any by default.

        Raises:
            ValueError: the loss is not defined with these tokens.
        """

    def prepare(self, model: LanguageModel, pairs: ComparedPairs) -> Any:
        """Return a value computed once before training; pair_loss finds it in `pairs.prepared`.

        model: at its base weights. pairs: all pairs of the trial.

        Raises:
            ValueError: the loss is not defined on these pairs.
        """
        return None

    def training(self, model: LanguageModel) -> AbstractContextManager[None]:
        """Return a context in which the model is changed for training; leaving it undoes the change."""
        return nullcontext()

    def pair_loss(self, model: LanguageModel, pairs: PairPredictions) -> Tensor | float:
        """Return the loss on pairs: a scalar, the mean over pairs.

        model: for a formula that needs more than predictions, such as the weights or the tokenizer.
        """
        return 0.0

    def text_loss(self, model: LanguageModel, texts: Predictions) -> Tensor | float:
        """Return the loss on the step's texts: a scalar, the mean over predicted tokens."""
        return 0.0
