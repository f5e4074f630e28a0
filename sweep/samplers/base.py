"""The contract of a sampler: how the parameters of the next trial are chosen."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.space.faults import DomainFault
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    import optuna


class Sampler(Strict):
    """Settings of a sampler, from which the Optuna sampler is built.

    is_exhaustive: whether the search ends by itself, once every point of the space has been run. These
        points are numbered in the order of the spec's keys and options, which may then not change.
    """

    is_exhaustive: ClassVar[bool] = False

    name: str

    @abstractmethod
    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return the Optuna sampler that suggests one trial.

        It must suggest the same for the same seed and the same earlier trials, in any process, so that
        an interrupted search goes on as an undisturbed one would. So it must keep nothing from one
        trial to the next but what is in the study. Import Optuna in this method: a spec is checked
        without it.

        Args:
            seed: follows from the sweep and the number of the trial; in [0, 2³²).
            tree: the search space, in the form of sweep/space/domains.py.
        """

    def num_points(self, tree: dict[str, Any]) -> int:
        """Return the number of trials after which an exhaustive search of this space ends.

        Raises:
            NotImplementedError: the sampler is not exhaustive.
        """
        raise NotImplementedError

    def faults(self, tree: dict[str, Any]) -> Iterator[DomainFault]:
        """Yield a fault for every domain that this sampler cannot choose from.

        tree: a search space whose domains are all valid.
        """
        yield from ()
