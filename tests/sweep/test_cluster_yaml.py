"""cluster.yaml against the schema of the pinned Ray, and the rules that its comments state."""

import json
from pathlib import Path

import jsonschema
import pytest
import ray
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster():
    return YAML(typ="safe").load((ROOT / "cluster.yaml").read_text())


def test_ray_up_accepts_cluster_yaml(cluster):
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    jsonschema.validate(cluster, schema)


def test_a_misspelt_key_would_be_refused(cluster):
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(cluster | {"max_worker": 3}, schema)


def test_the_head_is_on_demand_and_runs_no_trials_while_workers_are_spot(cluster):
    types = cluster["available_node_types"]
    head = types[cluster["head_node_type"]]
    assert head["resources"]["CPU"] == 0
    assert "InstanceMarketOptions" not in head["node_config"]
    workers = [kind for name, kind in types.items() if name != cluster["head_node_type"]]
    assert workers
    for worker in workers:
        assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}


def test_every_node_starts_ray_with_token_authentication(cluster):
    for commands in (cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]):
        (start,) = [command for command in commands if "ray start" in command]
        assert "RAY_AUTH_MODE=token" in start
    assert any(path.endswith(".ray/auth_token") for path in cluster["file_mounts"])


def test_mlflow_runs_on_the_head_and_wants_a_password(cluster):
    (server,) = [c for c in cluster["head_start_ray_commands"] if "mlflow server" in c]
    assert "--app-name basic-auth" in server
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in server
    assert "--dashboard-host=127.0.0.1" in "".join(cluster["head_start_ray_commands"])


def test_the_images_have_the_ray_version_that_we_pin(cluster):
    for image in ("head_image", "worker_image"):
        assert f":{ray.__version__}-py311" in cluster["docker"][image]
