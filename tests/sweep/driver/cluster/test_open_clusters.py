"""A cluster that lets everybody in is refused unless it is this machine's own; real heads answer.

They listen to loopback alone, and are named by 0.0.0.0, which leads there and does not count as that.
"""

import os
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from sweep.driver.cluster import open_clusters
from sweep.driver.cluster.open_clusters import (
    is_loopback,
    refusal_of_head,
    refusal_of_job_api,
)
from sweep.remote.job_api import token_headers
from tests.heads import Head
from tests.sweep.conftest import TINY

MOVED, OPEN = "/moved", b'{"authentication_mode": "disabled"}'
REFUSED = "--address must be a cluster that lets in those alone who know its token, but "


@pytest.fixture(autouse=True)
def not_allowed(monkeypatch):
    monkeypatch.delenv(open_clusters.VARIABLE, raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.0.1", "::1", "localhost"])
def test_addresses_of_this_machine_alone_are_loopback(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["10.0.0.7", "0.0.0.0", "fe80::1", "head", "localhost.org", ""])
def test_other_addresses_are_not(host):
    assert not is_loopback(host)


@pytest.mark.parametrize("address", ["auto", "ray://head", "", "127.0.0.1:9", "[::1]:9"])
def test_what_names_no_other_machine_is_not_asked(address):
    assert refusal_of_head(address) == ""


@pytest.mark.parametrize("address", ["0.0.0.0:9", "no-such-host.invalid:6379"])
def test_a_head_that_does_not_answer_is_left_to_ray(address):
    assert refusal_of_head(address) == ""


@pytest.fixture
def server():
    """A function that has a server give an answer from now on, and returns its address."""
    servers = []

    def start(status: int, content: bytes = b"", **headers: str) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                has_moved = self.path == MOVED
                self.send_response(200 if has_moved else status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(OPEN if has_moved else content)

            def log_message(self, *_):
                pass

        servers.append(ThreadingHTTPServer(("127.0.0.1", 0), Answer))
        Thread(target=servers[-1].serve_forever, daemon=True).start()
        return f"http://0.0.0.0:{servers[-1].server_port}"

    yield start
    for each in servers:
        each.shutdown()
        each.server_close()


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b'{"authentication_mode": "token"}'),
        (401, b""),
        (403, b""),
        (407, b""),
        (502, b"bad gateway"),
    ],
)
def test_a_job_api_that_wants_a_token_or_does_not_answer_may_be_used(server, status, content):
    assert refusal_of_job_api(server(status, content)) == ""


def test_a_gateway_that_has_its_users_log_in_elsewhere_may_be_used(server):
    login = server(200, b"<html>").replace("0.0.0.0", "127.0.0.1")
    assert refusal_of_job_api(server(302, Location=login)) == ""


def test_an_open_job_api_that_has_moved_on_its_host_is_refused(server):
    assert refusal_of_job_api(server(308, Location=MOVED)).startswith(REFUSED)


def test_a_loopback_address_to_which_a_proxy_leads_is_another_machines(server, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    monkeypatch.delenv("RAY_AUTH_MODE", raising=False)
    address = "http://127.0.0.1:8265"
    assert token_headers(address)
    monkeypatch.setenv("http_proxy", server(200, OPEN))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert token_headers(address) == {}
    assert refusal_of_job_api(address).startswith(REFUSED)


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (200, b'{"authentication_mode": "disabled"}'),
        (200, b"<html>"),
        (404, b'{"ray_version": "2.9.0"}'),
    ],
)
def test_a_job_api_that_answers_anybody_is_refused_unless_allowed(
    server, monkeypatch, status, content
):
    address = server(status, content)
    assert refusal_of_job_api(address).startswith(REFUSED + address)
    monkeypatch.setenv(open_clusters.VARIABLE, "1")
    assert refusal_of_job_api(address) == ""
    assert refusal_of_job_api(address.replace("0.0.0.0", "127.0.0.1")) == ""


def test_what_is_no_ray_at_all_is_not_called_open(server):
    assert refusal_of_job_api(server(404, b"not found")) == ""
    assert refusal_of_job_api(server(404, b"[]")) == ""


@pytest.fixture(scope="module", params=["token", "disabled"])
def head(request, tmp_path_factory):
    """(whether it wants a token, a head)."""
    head = Head(tmp_path_factory.mktemp("head"), RAY_AUTH_MODE=request.param)
    yield request.param == "token", head
    head.kill()


def sweep(head, *words: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run `sweep WORDS…` as a user of a head."""
    return subprocess.run(
        [sys.executable, "-m", "sweep", *map(str, words)],
        env=head.environment | {"MLFLOW_TRACKING_URI": ""},
        capture_output=True, text=True, timeout=timeout, check=False,
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.timeout(300)
def test_an_open_head_is_refused_by_each_verb_that_uses_it_and_a_closed_one_is_not(head, tmp_path):
    is_closed, head = head
    spec = tmp_path / "tiny.yaml"
    spec.write_text(TINY)
    jobs_api = head.jobs.replace("127.0.0.1", "0.0.0.0")
    gcs = head.gcs.replace("127.0.0.1", "0.0.0.0")
    assert bool(refusal_of_head(gcs)) is not is_closed
    asked = [
        *([] if is_closed else [("run", spec, "--address", gcs)]),
        ("jobs", "--address", jobs_api),
        ("logs", "tiny", "--address", jobs_api),
        ("queue", "--address", jobs_api),
        ("submit", spec, "--yes", "--address", jobs_api),
    ]
    for words in asked:
        result = sweep(head, *words)
        assert (REFUSED in result.stderr) is not is_closed, (words, result.stderr)
        assert is_closed or result.returncode == 2
        assert "Traceback" not in result.stderr
    if not is_closed:
        allowed = sweep(
            head, "submit", spec, "--yes", "--follow", "--insecure", "--address", jobs_api
        )
        assert allowed.returncode == 0, allowed.stdout + allowed.stderr
        assert "[4/4]" in allowed.stdout


LOCAL = """
import grpc, ray
from pathlib import Path
from sweep.driver.cluster.joining import joined
from sweep.driver.cluster.open_clusters import ANY_REQUEST
with joined(None, ""):
    right = Path("~/.ray/auth_token").expanduser().read_text().strip()
    with grpc.insecure_channel(ray.get_runtime_context().gcs_address) as channel:
        for token in ("", "0" * 64, right):
            shown = (("authorization", f"Bearer {token}"),) if token else ()
            try:
                channel.unary_unary(ANY_REQUEST)(b"", timeout=20, metadata=shown)
                print("answered")
            except grpc.RpcError as error:
                print(error.code().name)
"""


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_ray_that_a_sweep_starts_answers_those_alone_who_show_its_token(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", LOCAL],
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert process.stdout.split() == ["UNAUTHENTICATED", "UNAUTHENTICATED", "answered"], (
        process.stderr[-2000:]
    )
