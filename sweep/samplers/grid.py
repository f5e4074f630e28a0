"""Grid search: every combination of all choices, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sweep.samplers.base import Sampler
from sweep.space import grid
from sweep.space.faults import DomainFault

if TYPE_CHECKING:
    import optuna


class Grid(Sampler):
    """Suggests point n of the grid as trial n, in the order of the file.

    A choice inside a branch is combined with that branch alone. All domains must be choices. Results
    of earlier trials have no influence.
    """

    is_exhaustive: ClassVar[bool] = True

    name: Literal["grid"] = "grid"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        """Return the GridSampler of this space; the seed has no effect."""
        from sweep.samplers.grid_sampler import GridSampler

        return GridSampler(tree)

    def num_points(self, tree: dict[str, Any]) -> int:
        """Return the number of points of the grid."""
        return grid.size(tree)

    def faults(self, tree: dict[str, Any]) -> Iterator[DomainFault]:
        """Yield a fault for every range."""
        return grid.range_faults(tree)
