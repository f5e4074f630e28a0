"""A worker trains by itself, whatever launched the shell of its sweep."""

import os

from sweep.workers.foreign_groups import leave_foreign_groups

# As torchrun, Slurm, OpenMPI, MPICH and Intel MPI set them.
FOREIGN = {
    "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "8", "GROUP_RANK": "0",
    "ROLE_NAME": "default", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29633",
    "TORCHELASTIC_RUN_ID": "none", "TORCHELASTIC_USE_AGENT_STORE": "True", "NODE_RANK": "1",
    "TORCH_NCCL_ASYNC_ERROR_HANDLING": "1", "NCCL_SOCKET_IFNAME": "ib0", "SLURM_PROCID": "3",
    "SLURM_NTASKS": "8", "SLURM_LOCALID": "3", "OMPI_COMM_WORLD_RANK": "1", "PMI_RANK": "1",
    "OMPI_COMM_WORLD_SIZE": "2", "PMIX_RANK": "1", "MV2_COMM_WORLD_RANK": "1", "MPI_LOCALRANKID": "1",
    "GLOO_SOCKET_IFNAME": "ib9",
}  # fmt: skip


def test_no_variable_of_a_foreign_group_is_left_and_no_other_is_lost(monkeypatch):
    for name in [*os.environ]:
        monkeypatch.delenv(name)
    others = {"PATH": "/bin", "CUDA_VISIBLE_DEVICES": "0", "RAY_X": "1", "OMP_NUM_THREADS": "1"}
    for name, value in (FOREIGN | others).items():
        monkeypatch.setenv(name, value)
    leave_foreign_groups()
    assert dict(os.environ) == others | {
        name: value for name, value in os.environ.items() if name.startswith("PYTEST")
    }
