"""A cluster that grows and shrinks takes back a node whose trials have ended, though it once held the weights.

Ray's own autoscaler, whose nodes are processes of one machine, in a namespace: tests/machines.py.
"""

import json
import secrets
import time

import pytest

from tests.machines import CannotRun, machines
from tests.sweep.conftest import ONE_WORKER, TINY

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(900)]

IDLE_S = 6.0
# A grid of two trials, of which one takes minutes.
SPEC = (
    TINY.replace("name: tiny", "name: uneven")
    .replace("loguniform: [1e-4, 1e-2]", "choice: [1e-3]")
    .replace("steps: 2,", "steps: {choice: [2, 60000]},")
    .replace("objective:\n    choice:\n      - none\n      - {name: likelihood_gap, weight: {loguniform: [1, 100]}}", "objective: none")
    .replace("sampler: random", "sampler: grid")
    .replace("budget: {trials: 4}\n", "")
    .replace(ONE_WORKER, "resources: {at_once: 2}\n")
)  # fmt: skip
LISTS = (
    *("initialization_commands", "setup_commands", "head_setup_commands", "worker_setup_commands"),
    *("head_start_ray_commands", "worker_start_ray_commands", "cluster_synced_files"),
    *("rsync_exclude", "rsync_filter"),
)
CLUSTER = {
    "cluster_name": "fake",
    "max_workers": 2,
    "provider": {
        "type": "external",  # the wheel of Ray lacks a file that its name for this one stands for
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "launch_multiple": True,
        "disable_node_updaters": True,  # its nodes have Ray
        "head_node_id": "fffffffffffffffffffffffffffffffffffffffffffffffffff00000",
    },
    "available_node_types": {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "worker": {
            "resources": {"CPU": 1, "object_store_memory": 200_000_000},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 2,
        },
    },
    "head_node_type": "ray.head.default",
    "upscaling_speed": 10.0,
    "idle_timeout_minutes": IDLE_S / 60,
    "auth": {},
    "docker": {},
    **{key: [] for key in LISTS},
    "file_mounts": {},
    "file_mounts_sync_continuously": False,
}
ENVIRONMENT = (
    "RAY_AUTH_MODE=token RAY_enable_autoscaler_v2=1 RAY_FAKE_CLUSTER=1 AUTOSCALER_UPDATE_INTERVAL_S=1 "
    f"RAY_CLOUD_INSTANCE_ID={CLUSTER['provider']['head_node_id']} "
    f"RAY_OVERRIDE_NODE_ID_FOR_TESTING={CLUSTER['provider']['head_node_id']}"
)
SERVER = "mlflow server --port 5000 --workers 1 --backend-store-uri sqlite:///mlflow.db"


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """The head of a cluster without workers, and MLflow on it."""
    try:
        with machines(["head"], tmp_path_factory.mktemp("m")) as (machine,):
            machine.copy_project()
            (machine.home / ".ray").mkdir(mode=0o700)
            (machine.home / ".ray" / "auth_token").write_text(secrets.token_hex(32))
            (machine.home / "cluster.json").write_text(json.dumps(CLUSTER))
            with (machine.home / ".bashrc").open("a") as file:
                file.write(f"export PYTHONPATH=~/equipoise {ENVIRONMENT}\n")
            (machine.home / "uneven.yaml").write_text(SPEC)
            for command in (
                SERVER,
                f"ray start --block --head --num-cpus=0 --node-ip-address={machine.address} "
                f"--port=6379 --autoscaling-config=cluster.json",
            ):
                machine.run(f"(setsid {command} > {command.split()[0]}.log 2>&1 < /dev/null &)")
            for address, port in (("127.0.0.1", 5000), (machine.address, 6379)):
                until(
                    lambda a=address, p=port: machine.run(f": < /dev/tcp/{a}/{p}").returncode == 0
                )
            yield machine
    except CannotRun as error:
        pytest.skip(str(error))


def until(is_so, patience_s: float = 240) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def num_workers(head) -> int:
    """Return the number of nodes of the cluster beside the head."""
    return head.commands().count("raylet/raylet ") - 1


def num_ended(head) -> int:
    """Return how many trials of the sweep have ended, by the record."""
    journal = head.home / "sweeps" / "uneven" / "record" / "journal.jsonl"
    return journal.read_text().count('"do":"close"') if journal.exists() else 0


def test_a_node_without_trials_is_released_while_the_sweep_runs_on(head):
    words = "sweep run uneven.yaml --address auto --tracking-uri http://127.0.0.1:5000"
    head.run(f"(setsid {words} > sweep.log 2>&1 < /dev/null &)")
    until(lambda: num_workers(head) == 2)
    until(lambda: num_ended(head) == 1)
    ended = time.monotonic()
    until(lambda: num_workers(head) == 1, 120 + IDLE_S)
    print(f"released after {time.monotonic() - ended:.0f} s")
    assert num_ended(head) == 1, "the long trial was too short"
    head.run("sweep cancel uneven --tracking-uri http://127.0.0.1:5000", timeout=120)
    until(lambda: num_workers(head) == 0, 120 + IDLE_S)
