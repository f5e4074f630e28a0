"""What can still be read from the model's states: a linear probe on frozen features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from pydantic import Field, field_validator

from trainables.data.sets import labelled
from trainables.evaluators.base import Evaluator
from trainables.metrics.metric import Metric, declare

if TYPE_CHECKING:
    from trainables.data.sets.labelled import Labelled
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Probe(Evaluator):
    """Accuracy of logistic regression on the pooled last hidden states of frozen weights.

    Features are standardised on the texts that are learnt; L2 of strength 1 (scikit-learn's C = 1).
    An upper bound on nothing, and a floor of what the model still tells apart.

    Source: Alain & Bengio 2017 (arXiv 1610.01644).
    """

    name: Literal["probe"] = "probe"
    data: str
    train: int = Field(500, ge=2, description="texts to learn")
    test: int = Field(500, ge=1, description="texts to measure on")
    pooling: Literal["mean", "summary"] = "mean"
    max_tokens: int = Field(128, ge=2)

    @field_validator("data")
    @classmethod
    def _known(cls, name: str) -> str:
        return labelled.check_name(name)

    def metrics(self, family: str) -> tuple[Metric, ...]:
        return declare(
            f"task/{labelled.dataset_label(self.data)}",
            ("probe_accuracy", "share", "higher", 1.0, 0.0, "linear probe on frozen features"),
            source="Alain & Bengio 2017 (arXiv 1610.01644)",
        )

    def data_digest(self) -> str:
        return labelled.digest(self.data)

    def items(self) -> list[Labelled]:
        """The texts to learn and to measure on."""
        learnt, measured = labelled.split(self.data, self.train, self.test)
        return [*learnt, *measured]

    def texts(self) -> list[str]:
        """All that items() has."""
        return [text for row in self.items() for text in row.texts]

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        import math

        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        from trainables.metrics.estimate import Items, mean
        from trainables.scoring.features import features

        learnt, measured = labelled.split(self.data, self.train, self.test)
        states = features(
            model,
            [row.texts for row in (*learnt, *measured)],
            pooling=self.pooling,
            max_tokens=self.max_tokens,
        ).numpy()
        if math.isfinite(float(states.sum())):
            probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
            probe.fit(states[: len(learnt)], [row.label for row in learnt])
            said = probe.predict(states[len(learnt) :])
            right = [float(a == row.label) for a, row in zip(said, measured, strict=True)]
        else:
            right = [math.nan] * len(measured)  # a diverged model tells nothing apart
        name = f"task/{labelled.dataset_label(self.data)}/probe_accuracy"
        return {name: mean(right, Items.of(range(len(right))))}
