"""What the evaluators share that train a classifier on some labelled texts and measure it on others."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from trainables.data.files.kinds import dataset_label
from trainables.data.sets import labelled
from trainables.evaluators.base import Evaluator
from trainables.metrics import bounds
from trainables.metrics.metric import Metric, declare
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from trainables.data.sets.labelled import Labelled
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Classification(Evaluator):
    """Accuracy of a classifier that is trained on some labelled texts and measured on others.

    Its metric is `task/DATA/NAME_accuracy`, where NAME is the evaluator's and DATA the set's. about and
    source describe this metric.
    """

    about: ClassVar[str]
    source: ClassVar[str] = ""

    data: str = Field(description="labelled texts: a known set, or a file")
    train: int = Field(500, ge=2, description="texts to train on")
    test: int = Field(500, ge=1, description="texts to measure on")
    max_tokens: int = Field(128, ge=2, description="longer texts are cut")

    @field_validator("data")
    @classmethod
    def _data_is_known(cls, name: str) -> str:
        """Return the name, if it is a known set of labelled texts or a file."""
        return labelled.check_name(name)

    @classmethod
    def examples(cls) -> tuple[Evaluator, ...]:
        """Return one with the set DATA, which stands for any in the name of its metric."""
        values: dict[str, Any] = {"data": "DATA"}
        return (cls.model_construct(**values),)

    @abstractmethod
    def predict(
        self, model: LanguageModel, train: Sequence[Labelled], texts: Sequence[tuple[str, ...]]
    ) -> Sequence[str | None]:
        """Return a label for each text, by a classifier that is trained on the rows `train`.

        None stands for a label that a diverged model cannot give.
        """

    @property
    def _metric(self) -> tuple[str, str]:
        """(dataset, quantity) of its metric."""
        return f"task/{dataset_label(self.data)}", f"{self.name}_accuracy"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare the accuracy."""
        dataset, quantity = self._metric
        return declare(
            dataset,
            (quantity, "share", "higher", 1.0, 0.0, bounds.SHARE, self.about),
            source=self.source,
        )

    def data_digest(self) -> str:
        """Return the sha256 of the labelled texts."""
        return labelled.digest(self.data)

    def items(self) -> list[Labelled]:
        """Return the texts that are trained on and those that are measured on."""
        train, test = labelled.split(self.data, self.train, self.test)
        return [*train, *test]

    def division(self) -> str:
        """Return how many texts the classifier is trained on, and how many it is measured on."""
        train, test = labelled.split(self.data, self.train, self.test)
        return (
            f"{self.data}: {self.name} trains on {counted(len(train), 'labelled text')}, and measures "
            f"on {counted(len(test), 'other')}."
        )

    def texts(self) -> list[str]:
        """Return every text of its items, of a pair both."""
        return [text for row in self.items() for text in row.texts]

    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return the accuracy on the texts to measure on; NaN for a diverged model."""
        from trainables.metrics.estimate import Items, mean

        train, test = labelled.split(self.data, self.train, self.test)
        labels = self.predict(model, train, [row.texts for row in test])
        correct = [
            math.nan if label is None else float(label == row.label)
            for label, row in zip(labels, test, strict=True)
        ]
        dataset, quantity = self._metric
        accuracy = mean(correct, Items.of(range(len(correct))), of_decisions=True)
        return {f"{dataset}/{quantity}": accuracy}
