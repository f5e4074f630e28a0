"""Grid search: every combination of all choices, once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from sweep.samplers.base import Sampler
from sweep.space import grid
from sweep.space.faults import Fault

if TYPE_CHECKING:
    import optuna


class Grid(Sampler):
    """Runs point n of the grid as trial n, in the order of the file, and learns nothing.

    A choice within a branch is combined with that branch alone. All domains must be choices.
    """

    is_exhaustive: ClassVar[bool] = True

    name: Literal["grid"] = "grid"

    def build(self, seed: int, tree: dict[str, Any]) -> optuna.samplers.BaseSampler:
        from sweep.samplers.grid_sampler import GridSampler

        return GridSampler(tree)

    def num_points(self, tree: dict[str, Any]) -> int:
        return grid.size(tree)

    def faults(self, tree: dict[str, Any]) -> Iterator[Fault]:
        return grid.ranges(tree)
