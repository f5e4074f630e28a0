"""The contract of an evaluator, which measures a model, and the part that classifiers share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from trainables.assets import cache, resolve
from trainables.data.sets import labelled, miniature
from trainables.metrics.metric import Metric, declare
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.data.sets.labelled import Labelled
    from trainables.metrics.estimate import Estimate
    from trainables.models.language_model import LanguageModel


class Evaluator(Strict):
    """A benchmark. Its fields say which items are measured, and how."""

    name: str

    @abstractmethod
    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare every metric that it reports for models of a family.

        So a sweep's goals can be checked before anything starts.
        """

    @abstractmethod
    def measure(self, model: LanguageModel, base: Mapping[str, Estimate]) -> dict[str, Estimate]:
        """Return those metrics of the model as it is now.

        base: the metrics of this evaluator at the base weights; empty while the base itself is
            measured, where every rise and drop is 0.
        """

    @abstractmethod
    def data_digest(self) -> str:
        """Return the sha256 of its data."""

    @abstractmethod
    def items(self) -> Collection[object]:
        """Read its data through and return the items.

        Raises:
            ValueError: an item lacks what measuring needs.
        """

    def texts(self) -> Sequence[str]:
        """Return the sentences among its items, on which no trial may train; none by default."""
        return ()

    @property
    def general(self) -> str | None:
        """The set of general texts whose held-out part it measures forgetting on, if any.

        No trial is trained on that part (trainables/training/stream.py).
        """
        return None


class Classification(Evaluator):
    """Accuracy of a classifier that is trained on some labelled texts and measured on others.

    Its metric is `task/DATA/NAME_accuracy`, where NAME is the evaluator's and DATA the set's. about and
    source describe this metric.
    """

    about: ClassVar[str]
    source: ClassVar[str] = ""

    data: str
    train: int = Field(500, ge=2, description="texts to train on")
    test: int = Field(500, ge=1, description="texts to measure on")
    max_tokens: int = Field(128, ge=2, description="longer texts are cut")

    @field_validator("data")
    @classmethod
    def _data_is_known(cls, name: str) -> str:
        """Return the name, if it is a known set of labelled texts or a file."""
        return labelled.check_name(name)

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
        return f"task/{labelled.dataset_label(self.data)}", f"{self.name}_accuracy"

    def metrics(self, family: str) -> tuple[Metric, ...]:
        """Declare the accuracy."""
        dataset, quantity = self._metric
        return declare(
            dataset, (quantity, "share", "higher", 1.0, 0.0, self.about), source=self.source
        )

    def data_digest(self) -> str:
        """Return the sha256 of the labelled texts."""
        return labelled.digest(self.data)

    def items(self) -> list[Labelled]:
        """Return the texts that are trained on and those that are measured on."""
        train, test = labelled.split(self.data, self.train, self.test)
        return [*train, *test]

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
        return {f"{dataset}/{quantity}": mean(correct, Items.of(range(len(correct))))}


def asset_digest(name: str) -> str:
    """Return the sha256 of the files of an asset, a user's file or the miniature's generated items.

    Raises:
        trainables.assets.errors.AssetError: the files cannot be had.
    """
    return miniature.DIGEST if name == "miniature" else cache.digest(resolve.resolve(name))
