"""A gateway before a tracking server, on loopback: it answers some requests itself, forwards others."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import ray

LOGIN_PAGE = b"<!doctype html><html><body><h1>Log in</h1>\n<form></form></body></html>"


@dataclass(frozen=True)
class Request:
    """A request that has arrived; `num_bytes` is the size of its body."""

    method: str
    path: str
    num_bytes: int


@dataclass(frozen=True)
class Answer:
    """An answer of the gateway itself; status 0 closes the connection without one.

    is_late: whether the server behind gets the request before the connection is closed.
    """

    status: int
    body: bytes = LOGIN_PAGE
    kind: str = "text/html"
    headers: dict[str, str] = field(default_factory=dict)
    is_late: bool = False


Rule = Callable[[Request], Answer | None]


@dataclass
class Gateway:
    """A gateway that runs.

    url: its address.
    rule: returns its own answer to a request, or None to forward it; may be replaced at any time.
    requests: those that have arrived.
    """

    url: str
    rule: Rule
    requests: list[Request] = field(default_factory=list)


@contextmanager
def gateway(rule: Rule, upstream: str = "") -> Iterator[Gateway]:
    """Run a gateway for the length of a block.

    upstream: address of the server to which it forwards.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self._body()
            request = Request(self.command, self.path, len(body))
            running.requests.append(request)
            answer = running.rule(request)
            if answer is None:
                self._forward(body)
            elif not answer.status:
                if answer.is_late:
                    self._sent(body)
                self.close_connection = True
                self.connection.close()
            else:
                headers = {"Content-Type": answer.kind, **answer.headers}
                self._answer(answer.status, headers, answer.body)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = handle_any

        def _body(self) -> bytes:
            """Return the body of the request, which may come in chunks."""
            if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
                body = b""
                while size := int(self.rfile.readline(), 16):
                    body += self.rfile.read(size)
                    self.rfile.readline()
                self.rfile.readline()
                return body
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _forward(self, body: bytes) -> None:
            """Send the request to the server behind, and its answer back."""
            self._answer(*self._sent(body))

        def _sent(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
            """Send the request to the server behind; return status, headers and body of its answer."""
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc, timeout=30)
            left_out = ("host", "content-length", "transfer-encoding", "connection")
            headers = {k: v for k, v in self.headers.items() if k.lower() not in left_out}
            connection.request(self.command, self.path, body or None, headers)
            answer = connection.getresponse()
            content = answer.read()
            kept = {k: v for k, v in answer.getheaders() if k.lower() not in left_out}
            connection.close()
            return answer.status, kept, content

        def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
            """Send an answer."""
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    running = Gateway(f"http://127.0.0.1:{server.server_port}", rule)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def job_api(jobs: Sequence[tuple[str, str, int | None]] = ()) -> Iterator[Gateway]:
    """Run what answers as a job API of Ray, with jobs of the sweep `tiny`; it takes no further one.

    jobs: (id, status, exit code) of each.
    """
    listed = [
        {
            "type": "SUBMISSION", "submission_id": id_, "status": status, "entrypoint": "",
            "metadata": {"sweep": "tiny"}, "driver_exit_code": code,
        }
        for id_, status, code in jobs
    ]  # fmt: skip
    answers = {
        "/api/version": {"version": "4", "ray_version": ray.__version__, "ray_commit": ""},
        "/api/jobs/": listed,
    }

    def rule(request: Request) -> Answer:
        is_known = request.method == "GET" and request.path in answers
        content = json.dumps(answers[request.path]).encode() if is_known else b"no"
        return Answer(200 if is_known else 500, content, "application/json")

    with gateway(rule) as running:
        yield running
