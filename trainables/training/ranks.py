"""The place of this process among those that train one model together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Ranks:
    """A process's place in its group.

    rank: its number, from 0.
    size: number of processes in the group.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that measures, reports and writes files."""
        return self.rank == 0

    def summed(self, numbers: Sequence[float]) -> list[float]:
        """Return each number summed over the group; every process must call it at the same place."""
        if self.size == 1 or not numbers:
            return list(numbers)
        import torch

        device = "cuda" if torch.distributed.get_backend() == "nccl" else "cpu"
        sums = torch.tensor(numbers, dtype=torch.float64, device=device)
        torch.distributed.all_reduce(sums)
        totals: list[float] = sums.tolist()
        return totals


ALONE = Ranks()


def joined() -> Ranks:
    """Join the group that the environment describes, if it does; return this process's place in it.

    Raises:
        ValueError: the environment describes a group of several processes by halves.
    """
    from trainables.training.process_group import is_in_group, start_deepspeed

    if not is_in_group():
        return ALONE
    import torch

    start_deepspeed()
    return Ranks(torch.distributed.get_rank(), torch.distributed.get_world_size())
