"""The contract of a sampler: how the parameters of the next trial are chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar

from sweep.space.faults import Fault
from trainables.schema.strict import Strict

if TYPE_CHECKING:
    import optuna

RETRY_OF = "retry_of"  # user attribute of an Optuna trial: number of the failed trial it repeats


class Sampler(Strict):
    """Settings of a sampler, and the Optuna sampler that they stand for.

    is_exhaustive: whether the search ends by itself, once every point of the space has been run. The
        order of the spec's keys and options numbers these points, and must then stay as it is.
    """

    is_exhaustive: ClassVar[bool] = False

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return Optuna's sampler for one trial.

        It must suggest the same for the same seed and the same earlier trials, in any process: a
        search that was interrupted then goes on as if it had not been. So import Optuna in here, and
        keep nothing from one trial to the next but what is in the study.

        Args:
            seed: follows from the sweep and the number of the trial; in [0, 2³²).
            tree: the search space, in the form of sweep/space/domains.py.
        """
        raise NotImplementedError

    def num_points(self, tree: dict[str, Any]) -> int:
        """Return the number of trials after which an exhaustive search of this space ends."""
        raise NotImplementedError

    def faults(self, tree: dict[str, Any]) -> Iterator[Fault]:
        """Yield every domain of a sound space that this sampler cannot choose from."""
        yield from ()
