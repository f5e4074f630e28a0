"""The contract of an evaluator, which measures a model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, ClassVar, get_args

from trainables.assets import cache, resolve
from trainables.data.sets import miniature
from trainables.schema.settings import options
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.metrics.metric import Metric
    from trainables.models.language_model import LanguageModel


class Evaluator(Strict):
    """A benchmark. Its fields say which items are measured, and how.

    families: model families that it can measure.
    cuts_texts: whether a text that does not fit into the model's positions is cut.
    version:  raised whenever the same model and data get other values than before. A sweep is not
        resumed by a release that has another version of one of its evaluators.
    """

    families: ClassVar[tuple[str, ...]] = ("causal", "masked")
    cuts_texts: ClassVar[bool] = True
    version: ClassVar[int] = 1

    name: str

    @classmethod
    def examples(cls) -> tuple[Evaluator, ...]:
        """Return it with the settings whose metrics are listed where a user has chosen none.

        These are its defaults, with every option of a required key that has options. There is no
        example if another key is required.
        """
        required = {key: field for key, field in cls.model_fields.items() if field.is_required()}
        if not all(map(options, required.values())):
            return ()
        choices = product(*(get_args(field.annotation) for field in required.values()))
        # Not validated: an option may ask for another key, such as the path of a file.
        return tuple(
            cls.model_construct(**dict(zip(required, choice, strict=True))) for choice in choices
        )

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

    def whole_texts(self) -> Iterable[tuple[str, str]]:
        """Return (place, text) of each text that must fit whole into the model's positions.

        The place is for a sentence, as a file and a row; empty where the texts are no user's. By
        default they are all of `texts` or, if long ones are cut, none.
        """
        return () if self.cuts_texts else [("", text) for text in self.texts()]

    def num_written(self) -> int:
        """Return how many tokens a model may have to write after a text; 0 by default."""
        return 0

    def division(self) -> str:
        """Return a sentence on how its data are divided into texts to train on and to measure on.

        "" if it trains on none. General texts are divided by the sweep (see `general`).
        """
        return ""

    @property
    def starts_as_harness(self) -> bool:
        """Whether a causal model's texts begin with BOS or EOS, as lm-evaluation-harness has it."""
        return False

    @property
    def general(self) -> str | None:
        """The set of general texts whose held-out part it measures forgetting on, if any.

        No trial is trained on that part (trainables/training/stream.py).
        """
        return None


def asset_digest(name: str) -> str:
    """Return the sha256 of the files of an asset, a user's file or the miniature's generated items.

    Raises:
        trainables.assets.errors.AssetError: the files cannot be had.
    """
    return miniature.DIGEST if name == "miniature" else cache.digest(resolve.resolve(name))
