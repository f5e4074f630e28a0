"""Forget the process group of another program that started the shell of a sweep."""

from __future__ import annotations

import os

# Variables by which launchers (torchrun, Slurm, MPI) describe a group to the processes that they start.
# A shell may hold them, as within `salloc`, in a container, or in a notebook of a cluster.
GROUP = frozenset(
    (
        "RANK LOCAL_RANK WORLD_SIZE LOCAL_WORLD_SIZE MASTER_ADDR MASTER_PORT NODE_RANK GROUP_RANK "
        "GROUP_WORLD_SIZE ROLE_RANK ROLE_WORLD_SIZE ROLE_NAME CROSS_RANK CROSS_SIZE LOCAL_SIZE "
        "MPI_LOCALRANKID MPI_LOCALNRANKS GLOO_SOCKET_IFNAME TP_SOCKET_IFNAME"
    ).split()
)
PREFIXES = tuple(
    (
        "TORCHELASTIC_ TORCH_NCCL_ NCCL_ SLURM_ SLURMD_ SRUN_ OMPI_ PMI_ PMIX_ MV2_ MPICH_ HYDRA_ "
        "HOROVOD_"
    ).split()
)


# Of these, what says how processes reach each other, which holds for a group of our own, too.
NETWORK = frozenset(("GLOO_SOCKET_IFNAME", "TP_SOCKET_IFNAME"))
NETWORK_PREFIXES = ("NCCL_", "TORCH_NCCL_")


def leave_foreign_groups(*, keep_network: bool = False) -> None:
    """Delete the variables that put this process into a group of another program.

    keep_network: whether to keep those of the network, for a group of our own.
    """
    for name in [*os.environ]:
        if keep_network and (name in NETWORK or name.startswith(NETWORK_PREFIXES)):
            continue
        if name in GROUP or name.startswith(PREFIXES):
            del os.environ[name]
