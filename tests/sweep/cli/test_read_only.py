"""A server of the record answers questions, and nobody can change or add anything through it."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest

from tests import screenshots

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@contextmanager
def served(home):
    """The address of `sweep ui` for the sweeps of a folder; its errors are in `errors` there."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (home / "errors").open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "sweep", "ui", "--port", str(port)],
            env=os.environ | {"SWEEP_HOME": str(home)},
            cwd=home, stdout=subprocess.PIPE, stderr=errors, text=True,
        )  # fmt: skip
        try:
            assert "Ctrl-C ends it" in process.stdout.readline(), (home / "errors").read_text()
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.communicate(timeout=60)


@pytest.fixture(scope="module")
def home(finished, tmp_path_factory):
    """A copy of a folder of sweeps, with a model in MLflow's registry."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("read_only") / "sweeps"
    shutil.copytree(finished / "sweeps", folder)
    MlflowClient(f"sqlite:///{folder}/mlflow.db").create_registered_model("kept")
    return folder


@pytest.fixture(scope="module")
def url(home):
    with served(home) as address:
        yield address


def answer(url, method="GET", content=None, **headers):
    """(status, text) with which a server answers a request."""
    data = content if isinstance(content, bytes) else json.dumps(content or {}).encode()
    request = urllib.request.Request(url, data if method != "GET" else None, method=method)
    for name, value in {"Content-Type": "application/json", **headers}.items():
        request.add_header(name, value)
    try:
        with urllib.request.urlopen(request, timeout=30) as found:
            return found.status, found.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def writing_routes():
    """(method, path) of every route by which MLflow's server is told to do something."""
    from mlflow import server
    from mlflow.server import artifact_router, gateway_api, job_api, otel_api
    from mlflow.server.assistant.api import assistant_router

    routes = [(rule.rule, rule.methods) for rule in server.app.url_map.iter_rules()]
    for router in (
        artifact_router.artifact_router, gateway_api.gateway_router, job_api.job_api_router,
        otel_api.otel_router, assistant_router,
    ):  # fmt: skip
        routes += [(route.path, route.methods) for route in router.routes]
    return sorted(
        {
            (method, re.sub(r"[<{][^>}]*[>}]", "x", path))
            for path, methods in routes
            for method in (methods or ())
            if method in {"POST", "PUT", "PATCH", "DELETE"}
        }
    )


QUESTIONS = re.compile(r"graphql$|/search(-datasets)?$|get-latest|traces/(metrics|batchGet|calc)")


def test_every_route_that_could_change_something_is_refused_with_a_sentence(url, home):
    database = (home / "mlflow.db").read_bytes()
    routes = writing_routes()
    assert len(routes) > 150
    refused = 0
    for method, path in routes:
        if method == "POST" and QUESTIONS.search(path):
            continue
        status, text = answer(url + path, method)
        assert status == 403, (method, path, status)
        assert json.loads(text)["message"].startswith(
            "this server shows the record and does nothing"
        )
        refused += 1
    assert refused > 140
    assert (home / "mlflow.db").read_bytes() == database


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/0/x/search"),
        ("POST", "/api/2.0/mlflow-artifacts/mpu/create/runs/search"),
        ("POST", "/api/2.0/mlflow/runs/create/"),
        ("POST", "//api/2.0/mlflow/runs/create"),
        ("POST", "/api/2.0/mlflow/runs/%63reate"),
        ("POST", "/api/2.0/mlflow/runs/search/../create"),
        ("POST", "/api/2.0/mlflow/upload-artifact?run_uuid=1&path=search"),
        ("PROPFIND", "/api/2.0/mlflow/runs/search"),
        ("GET", "/ajax-api/3.0/mlflow/assistant/providers/x/health"),
        ("GET", "/ajax-api/3.0/mlflow/gateway/secrets/list"),
        ("GET", "/ajax-api/3.0/mlflow/assistant/sessions/x/stream"),
    ],
)
def test_no_other_way_to_write_a_path_or_a_method_leads_past_the_refusal(url, home, method, path):
    status, _ = answer(url + path, method, b"x")
    assert status == 403
    assert not (home / "mlartifacts").exists()


def test_what_the_pages_ask_is_answered(url):
    _, text = answer(f"{url}/ajax-api/2.0/mlflow/experiments/search", "POST", {"max_results": 9})
    (experiment,) = [e for e in json.loads(text)["experiments"] if e["name"] == "tiny"]
    wanted = {"experiment_ids": [experiment["experiment_id"]]}
    _, text = answer(f"{url}/ajax-api/2.0/mlflow/runs/search", "POST", wanted)
    runs = json.loads(text)["runs"]
    (parent,) = [r for r in runs if {"key": "sweep.role", "value": "sweep"} in r["data"]["tags"]]
    run_id = parent["info"]["run_id"]
    for path in (
        f"ajax-api/2.0/mlflow/runs/get?run_id={run_id}",
        f"ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=front/size&max_results=9",
        f"get-artifact?run_uuid={run_id}&path=front/front.html",
        "ajax-api/2.0/mlflow/registered-models/search",
        "ajax-api/3.0/mlflow/server-info",
    ):
        assert answer(f"{url}/{path}")[0] == 200, path
    query = {"query": 'query { test(inputString: "x") { output } }'}
    assert answer(f"{url}/graphql", "POST", query)[0] == 200


def test_requests_of_other_hosts_and_origins_stay_refused(url):
    path = f"{url}/ajax-api/2.0/mlflow/experiments/search"
    assert answer(f"{path}?max_results=1", Host="evil.example")[0] == 403
    assert answer(path, "POST", {"max_results": 1}, Origin="http://evil.example")[0] == 403
    assert answer(path, "POST", {"max_results": 1}, Origin=url)[0] == 200


def test_a_sweep_cannot_be_steered_or_recorded_through_it(url):
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(url)
    experiment = client.get_experiment_by_name("tiny").experiment_id
    runs = client.search_runs([experiment])
    assert len(runs) > 1
    for change in (
        lambda: client.set_tag(runs[0].info.run_id, "sweep.request", "stop"),
        lambda: client.delete_run(runs[0].info.run_id),
        lambda: client.create_run(experiment),
        lambda: client.delete_registered_model("kept"),
    ):
        with pytest.raises(MlflowException, match="does nothing else, but was asked for more"):
            change()
    assert client.get_registered_model("kept").name == "kept"


@pytest.mark.skipif(not screenshots.chromium(), reason="no Chromium is installed")
def test_the_pages_show_the_sweep_without_an_error_in_the_browser(url, home, tmp_path):
    pytest.importorskip("playwright", reason="playwright is not installed")
    seen = screenshots.look(url, "tiny", tmp_path)
    assert seen.errors == []
    assert "candidates on the front" in seen.sweep
    assert "objective" in seen.trials
    assert seen.num_points >= 1


@pytest.mark.parametrize("words", [["--write"], ["--host", "0.0.0.0"]])
def test_a_server_that_may_be_written_needs_a_login(words, tmp_path):
    began = time.monotonic()
    ended = subprocess.run(
        [sys.executable, "-m", "sweep", "ui", *words],
        env={**os.environ, "SWEEP_HOME": str(tmp_path), "MLFLOW_AUTH_ADMIN_PASSWORD": "x"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 2
    assert f"{' '.join(words)} is open to others, so people must log in" in ended.stderr
    assert "set MLFLOW_FLASK_SERVER_SECRET_KEY in the environment" in ended.stderr
    assert time.monotonic() - began < 30
