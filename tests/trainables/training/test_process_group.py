"""The group of processes that an engine joins, each test in processes of its own."""

import os
import socket
import subprocess
import sys

import pytest

from tests.trainables.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

STARTED = """
import os, torch
from trainables.training.process_group import start_deepspeed
given = set(os.environ)
deepspeed = start_deepspeed()
assert start_deepspeed() is deepspeed
group = torch.distributed
print(group.get_rank(), group.get_world_size(), *sorted(set(os.environ) - given - {"DS_ACCELERATOR"}))
"""


def test_one_process_is_a_group_of_one_whose_children_inherit_no_group(python):
    alone = (
        "import os\nos.environ.pop('LOCAL_RANK', None)  # of a group that this process may be in"
    )
    # DeepSpeed would import MLflow for a tuner that nothing here uses.
    no_tuner = "import sys\nassert 'mlflow' not in sys.modules\nimport mlflow"
    status, output, errors = python("-c", f"{alone}\n{STARTED}\n{no_tuner}")
    assert status == 0, errors
    rank, size, *variables = output.split()
    assert (rank, size) == ("0", "1")
    assert "LOCAL_RANK" in variables
    assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} & set(variables)


def test_a_process_in_the_shell_of_another_group_of_one_needs_neither_its_port_nor_its_network(
    python,
):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        foreign = {
            "RANK": "0", "WORLD_SIZE": "1", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": str(taken.getsockname()[1]), "GLOO_SOCKET_IFNAME": "ib9",
        }  # fmt: skip
        status, output, errors = python("-c", STARTED, **foreign)
    assert status == 0, errors
    assert output.split()[:2] == ["0", "1"]


def test_a_group_that_is_described_by_halves_is_one_sentence(python):
    status, _, errors = python("-c", STARTED, WORLD_SIZE="2", RANK="0")
    assert status == 1
    assert errors.splitlines()[-1] == (
        "ValueError: a process of a group of WORLD_SIZE 2 must have MASTER_ADDR and MASTER_PORT, too: "
        "start it with torchrun, or unset WORLD_SIZE."
    )


def outputs_of_two(code: str, **variables: str) -> list[list[str]]:
    """Return the words that each of two processes of a group prints, given its code."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    environment = os.environ | group | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env=environment | variables | {"RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            text=True,
        )
        for rank in ("0", "1")
    ]
    try:
        return [process.communicate(timeout=100)[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()  # one may wait for another that has died


def test_a_process_joins_the_group_that_its_environment_names():
    assert [words[:2] for words in outputs_of_two(STARTED)] == [["0", "2"], ["1", "2"]]


def test_a_process_waits_for_another_longer_than_deepspeed_would():
    """As it does while the first one measures. DeepSpeed's own patience is 0 minutes here, else 10."""
    wait = "import time\nif group.get_rank() == 0: time.sleep(3)\ngroup.barrier()\nprint('met')"
    words = outputs_of_two(f"{STARTED}\n{wait}", DEEPSPEED_TIMEOUT="0")
    assert [each[-1] for each in words] == ["met", "met"]


@pytest.mark.long
def test_nothing_is_compiled(python, tmp_path):
    code = """
from trainables.config import TrialConfig
from trainables.trial import run_trial
for stage in (0, 1, 2):
    tree = {"model": {"path": "miniature-llama"}, "alignment": {"data": "miniature", "size": 8},
            "train": {"lr": 1e-3, "steps": 1, "batch_size": 4, "zero_stage": stage},
            "evaluators": [{"name": "perplexity", "data": "miniature", "limit": 5}]}
    print([report.step for report in run_trial(TrialConfig.model_validate(tree))])
"""
    # A compiler that always fails would be noticed as well.
    status, output, errors = python(
        "-c", code, TORCH_EXTENSIONS_DIR=str(tmp_path), CXX="/bin/false", CC="/bin/false"
    )
    assert status == 0, errors
    assert output.splitlines() == ["[0, 1]"] * 3
    assert list(tmp_path.iterdir()) == []
