"""The contracts of data sets that a spec may name: pairs to align on, general texts, or both."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Iterator
from typing import ClassVar

from trainables.assets import cache, resolve
from trainables.data.counterfactual import Rule, Words
from trainables.data.pairs import Pair
from trainables.schema.strict import Strict


class DataSet(Strict):
    """Data that a spec may name.

    Attributes:
        name: its name in a spec. A class whose files come in several versions has one instance for
            each.
    """

    name: str

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets that it is read from (trainables/assets/catalogue.py)."""
        return (self.name,)

    def digest(self) -> str:
        """Return the sha256 of the files that it is read from.

        Raises:
            trainables.assets.errors.AssetError: the files cannot be fetched.
        """
        digests = [cache.digest(resolve.resolve(asset)) for asset in self.assets]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256(" ".join(digests).encode()).hexdigest()


class AlignmentSet(DataSet):
    """A set of pairs of a stereotype and its twin.

    Attributes:
        swapped: True if its twins are made by swapping words, False if both sentences are given.
        words: the word lists by which words may be swapped.
    """

    swapped: ClassVar[bool] = False
    words: ClassVar[tuple[Words, ...]] = ("gender",)

    @abstractmethod
    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield the pairs, which are the same in the same order at every call.

        Args:
            rule, words: how twins are made by swapping (trainables/data/counterfactual.py). A set
                whose twins are given yields the same pairs for any of them.

        Raises:
            ValueError: a row is not of the published form; the message has the file and the row.
            trainables.assets.errors.AssetError: the files cannot be fetched.
        """


class TextSet(DataSet):
    """A set of general texts, for replay and to measure forgetting on."""

    @abstractmethod
    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (key, text), which are the same in the same order at every call.

        Texts with the same key, such as the sentences of one article, are held out of training
        together.

        Raises:
            ValueError: a row is not of the published form; the message has the file and the row.
            trainables.assets.errors.AssetError: the files cannot be fetched.
        """
