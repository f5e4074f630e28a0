"""cluster.yaml against the schema of the pinned Ray, the rules that its comments state, and a stand-in for AWS."""

import json
import re
from copy import deepcopy
from pathlib import Path

import boto3
import jsonschema
import pytest
import ray
from moto import mock_aws
from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def cluster():
    return YAML(typ="safe", pure=True).load((ROOT / "cluster.yaml").read_text())


@pytest.fixture(scope="module")
def schema():
    return json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())


def test_ray_up_accepts_cluster_yaml(cluster, schema):
    jsonschema.validate(cluster, schema)


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("max_worker", ()),
        ("min_worker", ("available_node_types", "gpu")),
        ("head_img", ("docker",)),
    ],
)
def test_a_misspelt_key_would_be_refused(key, path, cluster, schema):
    changed = deepcopy(cluster)
    inner = changed
    for part in path:
        inner = inner[part]
    inner[key] = 3
    with pytest.raises(jsonschema.ValidationError, match=key):
        jsonschema.validate(changed, schema)


def test_the_head_is_on_demand_and_runs_no_trials_while_workers_are_spot(cluster):
    types = cluster["available_node_types"]
    head = types[cluster["head_node_type"]]
    assert head["resources"]["CPU"] == 0
    assert head["labels"] == {"market": "on-demand"}
    assert "InstanceMarketOptions" not in head["node_config"]
    workers = [kind for name, kind in types.items() if name != cluster["head_node_type"]]
    assert workers
    for worker in workers:
        assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
        assert worker["labels"] == {"market": "spot"}
        assert worker["min_workers"] == 0
    assert cluster["idle_timeout_minutes"] > 0


def test_every_node_starts_ray_with_token_authentication(cluster):
    for commands in (cluster["head_start_ray_commands"], cluster["worker_start_ray_commands"]):
        (start,) = [command for command in commands if "ray start" in command]
        assert "RAY_AUTH_MODE=token" in start
    assert any(path.endswith(".ray/auth_token") for path in cluster["file_mounts"])


def test_the_file_holds_no_secret_and_no_image_of_somebody(cluster):
    text = (ROOT / "cluster.yaml").read_text()
    assert not re.search(r"\b[0-9a-f]{32,}\b", text)
    assert {*re.findall(r"\bami-\w+", text)} == {"ami-00000000000000000"}


def test_mlflow_runs_on_the_head_wants_a_password_and_listens_to_the_head_alone(cluster):
    (server,) = [c for c in cluster["head_start_ray_commands"] if "mlflow server" in c]
    assert "--app-name basic-auth" in server
    assert "MLFLOW_AUTH_ADMIN_PASSWORD" in server
    assert "--host 127.0.0.1" in server
    assert "--dashboard-host=127.0.0.1" in "".join(cluster["head_start_ray_commands"])


def test_record_and_sweeps_are_on_the_disk_of_the_head_not_in_its_container(cluster):
    (volume,) = cluster["docker"]["head_run_options"]
    on_host, in_container = volume.removeprefix("-v ").split(":")
    assert on_host == f"/home/{cluster['auth']['ssh_user']}/kept"
    assert in_container == "/home/ray/kept"
    assert cluster["initialization_commands"] == ["mkdir -p ~/kept"], (
        "or Docker's root would own it"
    )
    _, server, head, queue = cluster["head_start_ray_commands"]
    assert "cd ~/kept/mlflow" in server
    for command in (head, queue):
        assert "SWEEP_HOME=~/kept/sweeps" in command
        assert "RAY_AUTH_MODE=token" in command


def test_the_images_have_the_ray_version_that_we_pin(cluster):
    for image in ("head_image", "worker_image"):
        assert f":{ray.__version__}-py311" in cluster["docker"][image]


@pytest.fixture(scope="module")
def prepared(cluster, tmp_path_factory):
    """cluster.yaml as Ray prepares it for AWS, whose place moto takes, and a client of EC2 after it.

    A head and a worker have been started.
    """
    from ray.autoscaler import tags
    from ray.autoscaler._private import commands, providers

    with pytest.MonkeyPatch.context() as environment, mock_aws():
        environment.setenv("HOME", str(tmp_path_factory.mktemp("home")))  # for the key of SSH
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            environment.setenv(name, "only-for-tests")
        iam = boto3.client("iam")  # Ray would make the role, and wait for half a minute
        iam.create_role(RoleName="ray-autoscaler-v1", AssumeRolePolicyDocument="{}")
        name = "ray-autoscaler-v1"
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName="ray-autoscaler-v1")
        config = commands._bootstrap_config(deepcopy(cluster), no_config_cache=True)
        provider = providers._get_node_provider(config["provider"], config["cluster_name"])
        for node, kind in config["available_node_types"].items():
            is_head = node == config["head_node_type"]
            words = {
                tags.TAG_RAY_NODE_KIND: "head" if is_head else "worker",
                tags.TAG_RAY_NODE_NAME: node,
                tags.TAG_RAY_USER_NODE_TYPE: node,
            }
            head_alone = config["head_node"] if is_head else {}
            provider.create_node(kind["node_config"] | head_alone, words, 1)
        yield config, boto3.client("ec2", region_name=config["provider"]["region"])


def test_ray_knows_the_cpus_and_gpus_of_the_workers_and_leaves_those_of_the_head(prepared):
    config, _ = prepared
    types = config["available_node_types"]
    assert types["head"]["resources"]["CPU"] == 0
    assert {name: types["gpu"]["resources"][name] for name in ("CPU", "GPU")} == {
        "CPU": 8,
        "GPU": 1,
    }
    assert types["head"]["max_workers"] == 0


def test_aws_starts_the_head_on_demand_and_workers_as_spot(prepared):
    _, ec2 = prepared
    found = {}
    for reservation in ec2.describe_instances()["Reservations"]:
        for instance in reservation["Instances"]:
            words = {tag["Key"]: tag["Value"] for tag in instance["Tags"]}
            found[words["ray-node-type"]] = (
                instance["InstanceType"],
                instance.get("InstanceLifecycle", "on demand"),
                "IamInstanceProfile" in instance,
            )
    assert found == {
        "head": ("m6i.2xlarge", "on demand", True),
        "worker": ("g5.2xlarge", "spot", False),
    }


def test_ssh_alone_is_open_to_others_than_the_cluster(prepared):
    config, ec2 = prepared
    groups = {
        tuple(kind["node_config"]["SecurityGroupIds"])
        for kind in config["available_node_types"].values()
    }
    ((group,),) = groups
    (found,) = ec2.describe_security_groups(GroupIds=[group])["SecurityGroups"]
    to_others = [rule for rule in found["IpPermissions"] if rule["IpRanges"]]
    assert [(rule["FromPort"], rule["ToPort"]) for rule in to_others] == [(22, 22)]
    (to_itself,) = [rule for rule in found["IpPermissions"] if not rule["IpRanges"]]
    assert [pair["GroupId"] for pair in to_itself["UserIdGroupPairs"]] == [group]
