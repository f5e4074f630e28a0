"""Sweeps on services that many machines share: MLflow's server on PostgreSQL and S3, Optuna on
PostgreSQL, checkpoints and models on S3. No password of theirs is written to a file.
"""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import ray
from ray.cluster_utils import Cluster

from sweep import workspace
from sweep.config.check import check
from sweep.driver.run_sweep import Backends, resume, run
from sweep.driver.running_sweep import CannotRun
from sweep.search.study import has_study, open_study
from sweep.tracking.store import addresses
from sweep.workers.shared_storage import why_not_shared
from tests import servers
from tests.sweep.conftest import TINY, pretending, sweep
from trainables.schema.yaml_file import read

pytestmark = [pytest.mark.long, pytest.mark.slow, pytest.mark.timeout(240)]

SECRET = servers.PASSWORD[:14]  # without the characters that are escaped in an address
NUM_TRIALS = 2
LONGER = (
    TINY.replace("steps: 2", "steps: 20, report_every: 10")
    .replace("trials: 4", f"trials: {NUM_TRIALS}")
    .replace("at_once: 1", "at_once: 2")
    + "checkpoints: {resume: true, model: true, storage_path: 's3://kept/sweeps'}\n"
)


def keys(s3, prefix):
    """The keys in the bucket that begin with a prefix."""
    page = servers.objects(s3).list_objects_v2(Bucket="kept", Prefix=prefix)
    return [entry["Key"] for entry in page.get("Contents", [])]


def refuse_secrets(folder: Path) -> None:
    """Fail if a file below the folder holds the password, or if there are hardly any files."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) > 10
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []


@pytest.fixture(scope="module")
def resumed(postgres, s3, tmp_path_factory):
    """A sweep of real trials, resumed to its end after its driver was killed beside a checkpoint.

    Returns its folder, the address of MLflow, that of Optuna's database, the keys of checkpoints at
    the kill, and the output of both processes.
    """
    folder = tmp_path_factory.mktemp("resumed")
    (folder / "tiny.yaml").write_text(LONGER)
    storage = postgres.url("search")
    with servers.mlflow_server(postgres.url("mlflow"), "s3://kept/mlflow", folder, s3) as address:
        environment = s3 | {
            "SWEEP_HOME": str(folder / "sweeps"),
            "MLFLOW_TRACKING_URI": address,
            "OPTUNA_STORAGE": storage,
        }
        with (folder / "output.txt").open("w") as output:
            driver = subprocess.Popen(
                [sys.executable, "-m", "sweep", "run", folder / "tiny.yaml"],
                env=os.environ | environment, stdout=output, stderr=output,
            )  # fmt: skip
            while not (saved := [key for key in keys(s3, "sweeps/") if "/checkpoints/" in key]):
                assert driver.poll() is None, (folder / "output.txt").read_text()
                time.sleep(0.02)
            driver.send_signal(signal.SIGKILL)
            driver.wait()
        process = sweep("resume", "tiny", **environment)
        output = (folder / "output.txt").read_text() + process.stdout + process.stderr
        assert process.returncode == 0, output
        yield folder, address, storage, saved, output


def test_each_trial_is_recorded_once_on_every_service_and_each_step_once(resumed):
    from sweep.tracking.sweeps import find_sweep

    _, address, storage, checkpoint_keys, _ = resumed
    study = open_study(storage, check(read(resumed[0] / "tiny.yaml")))
    assert Counter(trial.state.name for trial in study.trials) == {"COMPLETE": NUM_TRIALS}
    record = find_sweep(address, "tiny")
    runs = record.trial_runs()
    assert sorted(int(run.data.tags["sweep.trial"]) for run in runs) == list(range(NUM_TRIALS))
    assert {run.info.status for run in runs} == {"FINISHED"}
    for trial_run in runs:
        history = record._client.get_metric_history(trial_run.info.run_id, "progress")
        assert sorted(entry.step for entry in history) == [0, 10, 20]
    assert checkpoint_keys


def test_artifacts_and_models_are_on_s3_and_checkpoints_are_gone(resumed, s3):
    from sweep.tracking.sweeps import find_sweep

    record = find_sweep(resumed[1], "tiny")
    for trial_run in record.trial_runs():
        files = {file.path for file in record._client.list_artifacts(trial_run.info.run_id)}
        assert {"trial.yaml", "items.parquet", "model"} <= files
        run_keys = [key for key in keys(s3, "mlflow/") if trial_run.info.run_id in key]
        assert any(key.endswith("model/model.safetensors") for key in run_keys)
    assert keys(s3, "sweeps/") == []


def test_no_password_is_written_or_printed(resumed):
    folder, _, storage, _, output = resumed
    refuse_secrets(folder / "sweeps")
    assert SECRET not in output
    assert (folder / "sweeps/tiny/storage").read_text() == addresses.masked_address(storage)


@pytest.fixture(scope="module")
def two_nodes():
    """A Ray cluster of two nodes, which share the folders of this machine but no memory."""
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def test_a_folder_that_a_node_does_not_see_is_refused_with_the_reason(two_nodes, tmp_path):
    assert why_not_shared(str(tmp_path / "kept")) == ""
    assert list((tmp_path / "kept").iterdir()) == []
    reason = why_not_shared("memory://kept")
    assert "must read and write in memory://kept, but does not: set checkpoints." in reason


def test_record_and_search_on_postgresql_are_resumed_and_replaced_by_naming_their_passwords_again(
    two_nodes, postgres, tmp_path, sweep_home
):
    from sweep.tracking.sweeps import find_sweep

    shared = tmp_path / "shared"
    path = tmp_path / "spec.yaml"
    path.write_text(TINY + f"checkpoints: {{resume: true, storage_path: '{shared}'}}\n")
    spec = check(read(path))
    uri, storage = postgres.url("plain"), postgres.url("plain_search")

    def states():
        return (
            Counter(trial.state.name for trial in open_study(storage, spec).trials),
            Counter(run.info.status for run in find_sweep(uri, "tiny").trial_runs()),
        )

    backends = Backends(uri, storage)
    record = run(spec, read(path), backends, run_trial=pretending())
    assert states() == ({"COMPLETE": 4}, {"FINISHED": 4})
    artifacts = record._client.get_run(record.run_id).info.artifact_uri
    assert artifacts.startswith(str(sweep_home / "artifacts" / "tiny"))
    refuse_secrets(sweep_home)
    assert [path for path in shared.rglob("*") if path.is_file()] == []

    with pytest.raises(
        addresses.BadAddress, match=r"\*\*\*.* is not kept: name it again with --track"
    ):
        resume(spec, read(path))
    with pytest.raises(
        addresses.BadAddress, match=r"\*\*\*.* is not kept: name it again with --stor"
    ):
        resume(spec, read(path), Backends(uri))
    with pytest.raises(CannotRun, match="must hold the search of tiny, but does not"):
        resume(spec, read(path), Backends(uri, postgres.url("empty")))
    path.write_text(path.read_text().replace("trials: 4", "trials: 5"))
    resume(check(read(path)), read(path), backends, run_trial=pretending())
    assert states() == ({"COMPLETE": 5}, {"FINISHED": 5})
    path.write_text(path.read_text().replace(str(shared), str(tmp_path / "elsewhere")))
    with pytest.raises(CannotRun, match="storage_path must stay as it was"):
        resume(check(read(path)), read(path), backends, run_trial=pretending())

    path.write_text(TINY)
    (earlier,) = shared.iterdir()
    (earlier / "checkpoints" / "0000").mkdir(parents=True)
    (shared / "of-somebody-else").mkdir()
    with pytest.raises(
        addresses.BadAddress, match="--storage or OPTUNA_STORAGE, to delete its search"
    ):
        run(spec, read(path), Backends(uri), replace=True)
    again = check(read(path))
    run(again, read(path), backends, replace=True, run_trial=pretending())
    assert states() == ({"COMPLETE": 4}, {"FINISHED": 4})
    assert [path.name for path in shared.iterdir()] == ["of-somebody-else"]
    assert has_study(storage, "tiny")
    assert workspace.checkpoint_root("tiny") is None
