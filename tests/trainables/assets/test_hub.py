"""The Hub, played by a server on the loopback.

The library reads the Hub's address when it is imported, so each test has a process of its own.
"""

import json
import threading
import time
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import create_server

import pytest

from tests.gateway import Answer, gateway
from trainables.assets.cache import MANIFEST, cache_dir

RESOLVE = """
    import sys
    from trainables.assets.errors import AssetError
    from trainables.assets.resolve import resolve
    try:
        print(resolve("somebody/model"))
    except AssetError as error:
        print(error)
"""


def test_a_hub_out_of_reach_costs_seconds_and_one_clear_sentence(tmp_path, output_of, closed_port):
    started = time.monotonic()
    message = output_of(RESOLVE, HF_ENDPOINT=closed_port, HF_HOME=str(tmp_path))
    assert time.monotonic() - started < 10
    assert message.startswith("'somebody/model' cannot be had, not in ")
    assert "is out of reach" in message
    assert message.count("\n") == 1
    for way in ("go online", "set HF_TOKEN", "safetensors into", "give a path"):
        assert way in message


def test_a_hub_that_never_answers_costs_seconds(tmp_path, output_of):
    with create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        message = output_of(RESOLVE, HF_ENDPOINT=address, HF_HOME=str(tmp_path))
    assert time.monotonic() - started < 10
    assert "is out of reach" in message


def test_offline_mode_is_respected_and_named_as_the_reason(tmp_path, output_of):
    message = output_of(RESOLVE, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "(HF_HUB_OFFLINE is set)" in message


@pytest.fixture
def hub():
    """A Hub that serves `hub.files` as the model somebody/model, or refuses with `hub.refusal`.

    The paths of its requests are in `hub.requests`.
    """

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.requests.append(self.path)
            path, files = self.path.split("?")[0], self.server.files
            headers = {"X-Repo-Commit": "c" * 40}
            if self.server.refusal:
                status, reason = self.server.refusal
                self.send_response(status)
                self.send_header("X-Error-Code", reason)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if path == "/":
                body = b"hub"
            elif path.startswith("/api/models/somebody/model/tree/"):
                body = json.dumps(
                    [
                        {"type": "file", "path": name, "size": len(text), "oid": "0" * 40}
                        for name, text in files.items()
                    ]
                ).encode()
            elif path.startswith("/api/models/somebody/model"):
                body = json.dumps({"id": "somebody/model", "sha": "c" * 40}).encode()
            elif (name := path.split("/", 5)[-1]) in files:
                body = files[name]
                headers["ETag"] = f'"{sha256(body).hexdigest()}"'
            else:
                self.send_error(404)
                return
            self.send_response(200)
            for key, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.files, server.requests, server.refusal = {}, [], None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_model_on_the_hub_brings_neither_pickles_nor_code(hub, tmp_path, output_of):
    hub.files = dict.fromkeys(
        ["config.json", "model.safetensors", "tokenizer.json", "vocab.txt"], b"{}"
    ) | dict.fromkeys(["pytorch_model.bin", "modeling.py", "original/x.safetensors"], b"no")
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path)}
    folder = Path(output_of(RESOLVE, **environment).strip())
    assert folder == cache_dir() / "hub/somebody/model"
    names = {path.name for path in folder.iterdir()} - {MANIFEST}
    assert names == {"config.json", "model.safetensors", "tokenizer.json", "vocab.txt"}
    hub.requests.clear()
    assert output_of(RESOLVE, **environment).strip() == str(folder)
    assert not hub.requests, "what is in the cache needs no Hub"


def test_a_model_on_the_hub_with_only_pickles_is_refused(hub, tmp_path, output_of):
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"no"}
    address = f"http://127.0.0.1:{hub.server_port}"
    message = output_of(RESOLVE, HF_ENDPOINT=address, HF_HOME=str(tmp_path))
    assert "it has no safetensors weights, and pickled ones are never loaded" in message
    assert not [path for path in hub.requests if path.endswith(".bin")]


@pytest.mark.parametrize(
    ("refusal", "reason"),
    [
        ((401, "RepoNotFound"), "no such model, or a private one"),
        ((403, "GatedRepo"), "gated: its licence must be accepted on its page first"),
        ((503, ""), "answers 503"),
    ],
)
def test_the_refusal_of_a_hub_is_the_reason_in_short(refusal, reason, hub, tmp_path, output_of):
    hub.refusal = refusal
    address = f"http://127.0.0.1:{hub.server_port}"
    assert reason in output_of(RESOLVE, HF_ENDPOINT=address, HF_HOME=str(tmp_path))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(401), "401"),
        (Answer(403), "403"),
        (Answer(407), "407"),
        (Answer(200), "answers something else than a Hub does"),
        (Answer(200, b"[", "application/json"), "answers something else than a Hub does"),
        (Answer(302, headers={"Location": "/login"}), "redirect"),
        (Answer(0), "out of reach"),
    ],
    ids=lambda value: str(getattr(value, "status", value)),
)
def test_a_gateway_before_the_hub_is_one_sentence_with_its_code(
    answer, reason, tmp_path, output_of
):
    with gateway(lambda _: answer) as server:
        message = output_of(RESOLVE, HF_ENDPOINT=server.url, HF_HOME=str(tmp_path))
    assert message.startswith("'somebody/model' cannot be had")
    assert message.count("\n") == 1
    assert "<html>" not in message
    assert len(message) < 1000
    assert reason in message


def test_a_model_in_the_cache_of_the_hub_library_is_used_offline(hub, tmp_path, output_of):
    hub.files = {"config.json": b"{}", "model.safetensors": b"weights"}
    environment = {"HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HOME": str(tmp_path)}
    output_of("from huggingface_hub import *; snapshot_download('somebody/model')", **environment)
    folder = Path(output_of(RESOLVE, HF_HUB_OFFLINE="1", **environment).strip())
    assert (folder / "model.safetensors").read_bytes() == b"weights"
