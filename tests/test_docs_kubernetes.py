"""docs/kubernetes/: fields as the operators know them, secrets, quotas, and MLflow's command as it runs.

The operators' schemas are kept as test data; EQUIPOISE_CRDS names a folder with CRDs to check against.
"""

import os
import re
import secrets
import subprocess
import sys
from base64 import b64encode
from copy import deepcopy
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import jsonschema
import pytest
import ray

from tests.faults.stage import end
from tests.kubernetes_fields import contradictions, kind_of, objects, of_definitions, of_fields
from tests.markdown import ROOT
from tests.operator_schemas import fold, kept_schemas
from tests.servers import free_port, wait_until

FOLDER = ROOT / "docs" / "kubernetes"
MANIFESTS = sorted(FOLDER.glob("*.yaml"))
ALL = [(path.name, an_object) for path in MANIFESTS for an_object in objects(path)]
CRDS = os.environ.get("EQUIPOISE_CRDS", "")

each_object = pytest.mark.parametrize(
    "an_object",
    [an_object for _, an_object in ALL],
    ids=[f"{name}-{each['kind']}-{each['metadata']['name']}" for name, each in ALL],
)


@pytest.fixture(scope="module")
def fields():
    return of_fields()


@pytest.fixture(scope="module")
def definitions():
    return of_definitions(Path(CRDS)) if CRDS else kept_schemas()


def only(kind: str) -> dict:
    """Return the only object of a kind in all manifests."""
    (found,) = [each for _, each in ALL if each["kind"] == kind]
    return found


JOB, CLUSTER = only("RayJob"), only("RayCluster")
QUEUE, LOCAL_QUEUE = only("ClusterQueue"), only("LocalQueue")


def nodes() -> list[tuple[str, dict, dict]]:
    """Return (name, group, template) of the head and of the workers of both Ray manifests."""
    found = []
    for name, spec in (("job", JOB["spec"]["rayClusterSpec"]), ("cluster", CLUSTER["spec"])):
        groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
        found += [(name, group, group["template"]["spec"]) for group in groups]
    return found


def containers() -> list[dict]:
    """Return every container of every manifest."""
    deployment = only("Deployment")["spec"]["template"]["spec"]
    return [each for pod in [deployment, *(n[2] for n in nodes())] for each in pod["containers"]]


@each_object
def test_every_field_is_known_and_of_its_type(an_object, fields):
    jsonschema.validate(an_object, fields[kind_of(an_object)])


@each_object
def test_the_operators_know_every_field_and_its_type(an_object, definitions):
    if "." in an_object["apiVersion"] and kind_of(an_object).split("/")[0] != "networking.k8s.io":
        jsonschema.validate(an_object, definitions[kind_of(an_object)])


def test_the_fields_that_the_tests_know_are_those_of_the_operators(fields, definitions):
    both = fields.keys() & definitions.keys()
    assert len(both) == 6
    for kind in both:
        assert [*contradictions(fields[kind], definitions[kind])] == [], kind


def test_a_part_that_occurs_twice_is_kept_once():
    port = {"type": "integer", "enum": [*range(8000, 8020)]}
    fields = {"type": {"type": "string"}, "from": port, "to": port}
    kept = fold({"a/v1/B": {"type": "object", "properties": fields}})
    assert kept["parts"] == {"part0": port}
    twice = {"$ref": "part0"}
    assert kept["kinds"]["a/v1/B"]["properties"] == {
        "type": {"type": "string"},
        "from": twice,
        "to": twice,
    }


@pytest.mark.parametrize("definition", ["fields", "definitions"])
@pytest.mark.parametrize(
    "path",
    [
        ("spec", "shutdownAfterJobFinishes"),
        ("spec", "rayClusterSpec", "authOptions", "mode"),
        ("spec", "rayClusterSpec", "headGroupSpec", "template", "spec", "containers", 0, "image"),
        ("spec", "rayClusterSpec", "workerGroupSpecs", 0, "minReplicas"),
    ],
)
def test_a_misspelt_field_is_refused(path, definition, request):
    fields = request.getfixturevalue(definition)
    an_object = deepcopy(JOB)
    *above, last = path
    inner = an_object
    for key in above:
        inner = inner[key]
    inner[f"{last}s"] = inner.pop(last)
    with pytest.raises(jsonschema.ValidationError, match=f"{last}s"):
        jsonschema.validate(an_object, fields[kind_of(an_object)])


def test_misspelt_metadata_is_refused(fields):
    an_object = deepcopy(JOB)
    an_object["metadata"]["labelss"] = an_object["metadata"].pop("labels")
    with pytest.raises(jsonschema.ValidationError, match="labelss"):
        jsonschema.validate(an_object, fields[kind_of(an_object)])


@pytest.mark.parametrize(
    ("key", "value"), [("mode", "tokens"), ("mode", True), ("mode", {"token": 1})]
)
def test_a_value_of_another_type_is_refused(key, value, fields):
    an_object = deepcopy(CLUSTER)
    an_object["spec"]["authOptions"][key] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(an_object, fields[kind_of(an_object)])


def test_a_contradiction_of_the_operators_definition_is_found():
    known = {"type": "object", "required": [], "additionalProperties": False}
    ours = known | {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}}
    theirs = known | {"properties": {"b": {"type": "integer"}}, "required": ["c"]}
    assert [*contradictions(ours, theirs)] == [
        ".a does not exist",
        ".b is of another type",
        ".c is required",
    ]


def test_passwords_tokens_and_addresses_come_from_secrets_alone():
    assert "Secret" not in {each["kind"] for _, each in ALL}
    for container in containers():
        for variable in container["env"]:
            is_plain = variable["name"] in (
                "SWEEP_HOME",
                "EQUIPOISE_CACHE",
                "MLFLOW_SERVER_ENABLE_JOB_EXECUTION",
            )
            assert is_plain == ("value" in variable), variable["name"]
            assert is_plain or variable["valueFrom"].keys() == {"secretKeyRef"}


def test_the_page_makes_every_secret_that_the_manifests_read():
    text = (ROOT / "docs" / "kubernetes.md").read_text()
    for container in containers():
        for variable in container["env"]:
            if source := variable.get("valueFrom"):
                ref = source["secretKeyRef"]
                assert f"create secret generic {ref['name']} " in text
                assert re.search(rf"\b{ref['key']}\b", text), ref


def test_ray_wants_the_token_of_a_version_that_knows_it():
    for spec in (JOB["spec"]["rayClusterSpec"], CLUSTER["spec"]):
        assert spec["authOptions"] == {"mode": "token"}
        assert spec["rayVersion"] == ray.__version__


def test_every_image_is_the_one_of_the_dockerfile():
    text = (FOLDER / "Dockerfile").read_text()
    (image,) = set(re.findall(r"REGISTRY/equipoise:\S+", text))
    assert {container["image"] for container in containers()} == {image}
    version = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)
    assert image == f"REGISTRY/equipoise:{version[1]}"
    assert f"\nFROM rayproject/ray:{ray.__version__}-py311-gpu\n" in text
    assert "pip install --no-cache-dir -c constraints.txt" in text


def test_heads_run_no_trials_and_are_not_on_spot_nodes_while_workers_may_be():
    for _, group, pod in nodes():
        if "groupName" in group:
            assert group["labels"] == {"market": "spot"}
            assert pod["nodeSelector"] == {"nvidia.com/gpu.present": "true"}
            assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
            assert "nvidia.com/gpu" in {each["key"] for each in pod["tolerations"]}
        else:
            assert group["rayStartParams"]["num-cpus"] == "0"
            terms = pod["affinity"]["nodeAffinity"]
            (term,) = terms["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
            assert {each["operator"] for each in term["matchExpressions"]} == {"NotIn"}
            assert "tolerations" not in pod


def test_only_the_head_of_a_cluster_that_grows_may_speak_to_kubernetes():
    speaks = [
        (name, "groupName" in group)
        for name, group, pod in nodes()
        if pod.get("automountServiceAccountToken", True)
    ]
    assert speaks == [("cluster", False)]


def test_both_ray_manifests_have_the_same_pods_but_for_their_volumes():
    def without_volumes(pod):
        pod = deepcopy(pod)
        del pod["volumes"], pod["containers"][0]["volumeMounts"]
        return pod | {"automountServiceAccountToken": None}

    pods = [without_volumes(pod) for _, _, pod in nodes()]
    assert pods[:2] == pods[2:]


def test_kueue_admits_the_job():
    """Its rules for a RayJob: a queue, an end, a fixed size, no group named head."""
    spec = JOB["spec"]
    assert JOB["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == LOCAL_QUEUE["metadata"]["name"]
    classes = [e["metadata"]["name"] for _, e in ALL if e["kind"] == "WorkloadPriorityClass"]
    assert JOB["metadata"]["labels"]["kueue.x-k8s.io/priority-class"] in classes
    assert spec["shutdownAfterJobFinishes"] is True
    assert spec["ttlSecondsAfterFinished"] > 0
    assert spec["backoffLimit"] > 0
    assert "enableInTreeAutoscaling" not in spec["rayClusterSpec"]
    for group in spec["rayClusterSpec"]["workerGroupSpecs"]:
        assert group["groupName"] != "head"
        assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]
    assert "labels" not in CLUSTER["metadata"], "it grows, which Kueue refuses"


def test_the_quotas_have_room_for_the_job():
    assert LOCAL_QUEUE["spec"]["clusterQueue"] == QUEUE["metadata"]["name"]
    (group,) = QUEUE["spec"]["resourceGroups"]
    quotas = {
        flavor["name"]: {each["name"]: amount(each["nominalQuota"]) for each in flavor["resources"]}
        for flavor in group["flavors"]
    }
    names = {e["metadata"]["name"] for _, e in ALL if e["kind"] == "ResourceFlavor"}
    assert quotas.keys() == names
    assert all(each.keys() == {*group["coveredResources"]} for each in quotas.values())
    cluster = JOB["spec"]["rayClusterSpec"]
    submitter = {"cpu": 0.5, "memory": 0.2 * 2**30}  # KubeRay's pod that hands the job over
    head = requests(cluster["headGroupSpec"])
    for name, needed in head.items():
        assert needed + submitter[name] <= quotas["ordinary"][name]
    (workers,) = cluster["workerGroupSpecs"]
    for name, needed in requests(workers).items():
        assert workers["replicas"] * needed <= quotas["gpu"][name]


def requests(group: dict) -> dict[str, float]:
    """Return what a pod of a group asks for, by the name of the resource."""
    (container,) = group["template"]["spec"]["containers"]
    return {name: amount(each) for name, each in container["resources"]["requests"].items()}


def amount(quantity: str) -> float:
    """Return a quantity of Kubernetes as a number.

    >>> amount("16Gi") == 16 * 2**30
    True
    """
    number, unit = re.fullmatch(r"([\d.]+)(\w*)", quantity).groups()
    return float(number) * {"": 1, "Mi": 2**20, "Gi": 2**30}[unit]


def test_every_volume_and_every_service_that_is_named_exists():
    claims = {
        each["metadata"]["name"] for _, each in ALL if each["kind"] == "PersistentVolumeClaim"
    }
    pods = [only("Deployment")["spec"]["template"]["spec"], *(pod for _, _, pod in nodes())]
    for pod in pods:
        mounted = {mount["name"] for each in pod["containers"] for mount in each["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
        for volume in pod["volumes"]:
            if claim := volume.get("persistentVolumeClaim"):
                assert claim["claimName"] in claims
    labels = only("Deployment")["spec"]["template"]["metadata"]["labels"]
    assert only("Service")["spec"]["selector"] == labels
    spaces = {each["metadata"].get("namespace") for _, each in ALL}
    assert spaces == {only("Namespace")["metadata"]["name"], None}


def test_the_job_runs_a_script_of_the_image():
    _, script, _ = JOB["spec"]["entrypoint"].split()
    assert (ROOT / script.removeprefix("/home/ray/equipoise/")).is_file()


@pytest.mark.long
@pytest.mark.timeout(150)
def test_mlflow_answers_by_its_service_name_to_those_who_have_the_password(tmp_path):
    (container,) = only("Deployment")["spec"]["template"]["spec"]["containers"]
    port, password = free_port(), secrets.token_hex(8)
    words = [sys.executable, "-m", *container["command"], *container["args"]]
    changes = {"/mlflow/": f"{tmp_path}/", "--host=0.0.0.0": "--host=127.0.0.1"}
    changes |= {"--port=5000": f"--port={port}", "--workers=2": "--workers=1"}
    for old, new in changes.items():
        assert any(old in word for word in words)
        words = [word.replace(old, new) for word in words]
    given = {"MLFLOW_AUTH_ADMIN_PASSWORD": password, "MLFLOW_FLASK_SERVER_SECRET_KEY": "k"}
    names = {variable["name"]: variable.get("value") for variable in container["env"]}
    environment = os.environ | {name: value or given[name] for name, value in names.items()}

    def status(host: str, user: str | None = None) -> int:
        """Return the HTTP status of a search, asked for by this host name as this user."""
        headers = {"Host": host}
        if user:
            headers["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        url = f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search?max_results=1"
        try:
            with urlopen(Request(url, headers=headers), timeout=30) as answer:
                return answer.status
        except HTTPError as error:
            return error.code

    with (tmp_path / "server.log").open("w") as log:
        server = subprocess.Popen(
            words, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_until(lambda: urlopen(f"http://127.0.0.1:{port}/health", timeout=5).close(), server)
        assert status("mlflow:5000") == 401
        assert status("mlflow:5000", "admin:wrong") == 401
        assert status("mlflow:5000", f"admin:{password}") == 200
        assert status("127.0.0.1:5000", f"admin:{password}") == 200
        assert status("elsewhere.example", f"admin:{password}") == 403
    finally:
        end(server)
    assert (tmp_path / "mlflow.db").is_file()
