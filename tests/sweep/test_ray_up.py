"""`ray up` with cluster.yaml on machines of our own (`provider: local`), from set-up to a finished sweep.

The machines are namespaces of this one: tests/machines.py.
"""

import json
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager

import pytest
from ruamel.yaml import YAML

from tests.machines import ENVIRONMENT, KEY, CannotRun, machines
from tests.markdown import ROOT
from tests.sweep.conftest import TINY

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(1200)]

V1 = "RAY_UP_enable_autoscaler_v2=0"  # of Ray's autoscaler, as its other one starts no machines of our own
JOBS = "http://127.0.0.1:8265"
FOR_CLOUDS = ("docker", "available_node_types", "head_node_type")  # to be left out, by cluster.yaml

# What the driver has in its environment on the head, and the script of docs/kubernetes/rayjob.yaml there.
SCRIPT = (
    "export RAY_AUTH_MODE=token SWEEP_HOME=~/kept/sweeps MLFLOW_TRACKING_URI=http://127.0.0.1:5000;"
    "bash ~/equipoise/docs/kubernetes/run-or-resume.sh"
)


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """The machines laptop, head and worker, after `ray up` on the first; `ray down` ends them."""
    try:
        with machines(["laptop", "head", "worker"], tmp_path_factory.mktemp("machines")) as three:
            # What `ray stop` could end there is their own: nothing else is seen.
            assert [machine.processes() for machine in three] == [{"sshd"}] * 3
            laptop, head, worker = three
            prepare(laptop, head, worker)
            ray(laptop, "up --yes cluster.yaml")
            yield laptop, head, worker
            ray(laptop, "down --yes cluster.yaml")
            assert not {"raylet", "gcs_server"} & head.processes()
            until(
                lambda: "raylet" not in worker.processes()
            )  # once it has missed its head for a minute
    except CannotRun as error:
        pytest.skip(str(error))


def prepare(laptop, head, worker) -> None:
    """Put the project on a machine, and follow cluster.yaml there up to `ray up`."""
    laptop.copy_project()
    text = (ROOT / "cluster.yaml").read_text()
    header = [line.removeprefix("#").strip() for line in text.splitlines() if line[:1] == "#"]
    is_at = [line.split("  ")[0] for line in header].index
    once = header[is_at("ray get-auth-token --generate && chmod 600 ~/.ray/auth_token") :]
    once = once[: [line.startswith("ray up cluster.yaml") for line in once].index(True)]
    made = laptop.run("\n".join(once))
    assert made.returncode == 0, made.stderr
    config = YAML(typ="safe", pure=True).load(text)
    for key in FOR_CLOUDS:
        del config[key]
    config["provider"] = {
        "type": "local",
        "head_ip": head.address,
        "worker_ips": [worker.address],
    }
    config["auth"] = {"ssh_user": "root", "ssh_private_key": KEY}
    with (laptop.home / "equipoise/cluster.yaml").open("w") as file:
        YAML(typ="safe").dump(config, file)


def ray(laptop, words: str, timeout: float = 600) -> str:
    """Run `ray WORDS` in the project on a machine and return what it prints; it must exit with 0."""
    ended = laptop.run(f"cd equipoise && {V1} ray {words}", timeout=timeout)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def until(is_so: Callable[[], object], patience_s: float = 300) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(1)


@contextmanager
def running(machine, command: str):
    """Within the block, run a command on a machine."""
    process = subprocess.Popen(
        machine.words(f"cd equipoise && exec {command}"),
        stdin=subprocess.PIPE,  # a shell on the head ends with its input
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=ENVIRONMENT,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def nodes(head) -> dict[str, dict[str, float]]:
    """Return the resources of every node of the cluster that is up, by its address, as the head says."""
    code = "import json, ray; ray.init(log_to_driver=False); print(json.dumps(ray.nodes()))"
    printed = head.run(f"RAY_AUTH_MODE=token RAY_ADDRESS=auto python -c '{code}'")
    assert printed.returncode == 0, printed.stderr
    found = json.loads(printed.stdout.splitlines()[-1])
    return {node["NodeManagerAddress"]: node["Resources"] for node in found if node["Alive"]}


def test_the_project_is_installed_on_every_node_and_its_secrets_are_private(up):
    for node in up[1:]:
        until(lambda node=node: "raylet" in node.processes())
        found = node.run("python -c 'import sweep; print(sweep.__file__)'").stdout
        assert found == f"{ENVIRONMENT['HOME']}/equipoise/sweep/__init__.py\n"
        modes = node.run("stat -c %a ~/.ray/auth_token ~/.mlflow/credentials").stdout
        assert modes.split() == ["600", "600"]


def test_trials_have_the_workers_cpus_and_none_of_the_head(up):
    _, head, worker = up
    until(lambda: len(nodes(head)) == 2)
    cpus = {address: found.get("CPU", 0) for address, found in nodes(head).items()}
    assert cpus[head.address] == 0
    assert cpus[worker.address] > 0


@pytest.mark.parametrize("port", [5000, 8265])
def test_mlflow_and_the_job_api_listen_to_the_head_alone(port, up):
    _, head, worker = up
    until(lambda: head.run(f": < /dev/tcp/127.0.0.1/{port}").returncode == 0)
    refused = worker.run(f": < /dev/tcp/{head.address}/{port}")
    assert refused.returncode != 0
    assert "refused" in refused.stderr


def test_nobody_joins_without_the_token(up):
    _, head, worker = up
    wrong = worker.run(
        f"RAY_AUTH_MODE=token RAY_AUTH_TOKEN={'0' * 64} ray status --address {head.address}:6379"
    )
    assert wrong.returncode != 0
    right = worker.run(f"RAY_AUTH_MODE=token ray status --address {head.address}:6379")
    assert right.returncode == 0, right.stderr


def test_a_sweep_is_submitted_from_elsewhere_runs_on_the_worker_and_is_recorded(up):
    laptop, head, worker = up
    (laptop.home / "tiny.yaml").write_text(TINY)
    with running(laptop, "ray dashboard cluster.yaml"):
        until(lambda: laptop.run(": < /dev/tcp/127.0.0.1/8265").returncode == 0)
        ended = laptop.run(
            f"RAY_AUTH_MODE=token sweep submit tiny.yaml --address {JOBS} --follow --yes",
            timeout=600,
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "[4/4]" in ended.stdout
    with running(laptop, "ray attach cluster.yaml --port-forward 5000"):
        until(lambda: laptop.run(": < /dev/tcp/127.0.0.1/5000").returncode == 0)
        status = laptop.run("sweep status tiny --format json --tracking-uri http://127.0.0.1:5000")
        assert status.returncode == 0, status.stderr
        assert json.loads(status.stdout)["state"] == "finished"
        anonymous = laptop.run("HOME=/tmp sweep status tiny --tracking-uri http://127.0.0.1:5000")
        assert anonymous.returncode == 2
    assert (head.home / "kept/sweeps/tiny/front/front.json").is_file()
    assert not (worker.home / "kept/sweeps").exists()


def test_the_script_of_the_rayjob_runs_a_sweep_and_then_goes_on_with_it(up):
    _, head, _ = up
    text = TINY.replace("name: tiny", "name: job  # of Kubernetes").replace(
        "trials: 4", "trials: 1"
    )
    (head.home / "job.yaml").write_text(text)
    first = head.run(f"{SCRIPT} job.yaml", timeout=600)
    assert first.returncode == 0, first.stdout + first.stderr
    (head.home / "job.yaml").write_text(text.replace("trials: 1", "trials: 2"))
    second = head.run(f"{SCRIPT} job.yaml", timeout=600)
    assert second.returncode == 0, second.stdout + second.stderr
    assert "[2/2]" in second.stdout
    assert "[1/2]" not in second.stdout


def test_the_script_of_the_rayjob_ends_well_once_a_user_has_cancelled_its_sweep(up):
    _, head, _ = up
    text = TINY.replace("name: tiny", "name: many").replace("trials: 4", "trials: 400")
    text = text.replace("steps: 2", "steps: 50")  # few of them have ended when it is cancelled
    (head.home / "many.yaml").write_text(text)
    job = subprocess.Popen(
        head.words(f"{SCRIPT} many.yaml"),
        env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert job.stdout
    for line in job.stdout:
        if "/400]" in line:
            break
    words = "sweep cancel many --tracking-uri http://127.0.0.1:5000"
    cancelled = head.run(words, timeout=120)
    assert cancelled.returncode == 0, cancelled.stderr
    job.stdout.read()
    assert job.wait(60) == 0


def test_the_record_is_fetched_before_the_end(up):
    laptop, _, _ = up
    ray(laptop, "rsync-down cluster.yaml '~/kept/' kept")
    listed = laptop.run("cd equipoise && sweep ls --tracking-uri sqlite:///kept/mlflow/mlflow.db")
    assert listed.returncode == 0, listed.stderr
    assert "tiny" in listed.stdout
