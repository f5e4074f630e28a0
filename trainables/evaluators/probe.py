"""Linear probe: the accuracy of logistic regression on the model's hidden states."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from trainables.evaluators.classification import Classification

if TYPE_CHECKING:
    from trainables.data.sets.labelled import Labelled
    from trainables.models.language_model import LanguageModel


class Probe(Classification):
    """Accuracy of logistic regression on the pooled last hidden states of the frozen model.

    States are standardised by the mean and deviation of the texts that are trained on. The penalty is
    L2 of strength 1 (scikit-learn's C = 1). The accuracy is a lower bound of what can be read from the
    states; it is an upper bound of nothing.

    Source: Alain & Bengio 2017 (arXiv 1610.01644).
    """

    about: ClassVar[str] = "linear probe on frozen features"
    source: ClassVar[str] = "Alain & Bengio 2017 (arXiv 1610.01644)"

    name: Literal["probe"] = "probe"
    pooling: Literal["mean", "summary"] = Field(
        "mean", description="over all tokens, or the state that has seen the whole text"
    )

    def predict(
        self, model: LanguageModel, train: Sequence[Labelled], texts: Sequence[tuple[str, ...]]
    ) -> Sequence[str | None]:
        """Return the label of each text by logistic regression; None for all if a state is NaN."""
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from trainables.scoring.features import features

        states_SD = features(
            model,
            [*(row.texts for row in train), *texts],
            pooling=self.pooling,
            max_tokens=self.max_tokens,
        ).numpy()
        if not math.isfinite(float(states_SD.sum())):
            return [None] * len(texts)
        classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        classifier.fit(states_SD[: len(train)], [row.label for row in train])
        labels: list[str | None] = list(classifier.predict(states_SD[len(train) :]))
        return labels
