"""What a known data set has to say: pairs to align on, general texts, or both."""

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
    """Data under a name that a spec may give.

    name: that name. A class whose files come in several versions has one instance for each.
    """

    name: str

    @property
    def assets(self) -> tuple[str, ...]:
        """Names of the assets it is read from (see trainables/assets/resolve.py)."""
        return (self.name,)

    def digest(self) -> str:
        """Return the sha256 of the files it is read from.

        Raises:
            trainables.assets.errors.AssetError: they cannot be had.
        """
        digests = [cache.digest(resolve.resolve(asset)) for asset in self.assets]
        if len(digests) == 1:
            return digests[0]
        return hashlib.sha256(" ".join(digests).encode()).hexdigest()


class AlignmentSet(DataSet):
    """Pairs of a stereotype and its twin.

    swapped: whether its twins are made here, by swapping words; else both sentences are given.
    words: word lists by which they may be swapped.
    """

    swapped: ClassVar[bool] = False
    words: ClassVar[tuple[Words, ...]] = ("gender",)

    @abstractmethod
    def pairs(self, rule: Rule, words: Words) -> Iterator[Pair]:
        """Yield its pairs, always the same in the same order.

        Args:
            rule, words: how twins are made by swapping (see trainables/data/counterfactual.py); a set
                whose twins are given has the same pairs for any.

        Raises:
            ValueError: a row lacks what it needs; which, and where.
            trainables.assets.errors.AssetError: the files cannot be had.
        """


class TextSet(DataSet):
    """General texts, for replay and to measure forgetting on."""

    @abstractmethod
    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (key, text), always the same in the same order.

        Texts with one key, such as the sentences of an article, are held out of training together.

        Raises: as AlignmentSet.pairs.
        """
