"""Processes that a sweep runs on: a Ray cluster of two nodes, a tracking server, and a driver.

Each can be killed and started again. The head of the cluster has one
CPU and the second node two, so that a trial of two CPUs has that node alone to run on.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import psutil

from tests.servers import free_port

# Ray takes a node for dead that has not answered for a few seconds.
HEALTH_CHECK = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 1000,
    "health_check_timeout_ms": 2000,
    "health_check_failure_threshold": 3,
}


class Stage:
    """A cluster and a tracking server that are up from construction until `close`.

    folder: holds logs, data of the server, and `sweeps`.
    home: SWEEP_HOME of the driver.
    driver: the process of the driver, once there is one.
    tracking_uri: address of the tracking server.
    address: HOST:PORT of the Ray cluster.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "sweeps"
        self.driver: subprocess.Popen[bytes] | None = None
        self._temp = tempfile.TemporaryDirectory(prefix="faults", ignore_cleanup_errors=True)
        token = folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        bin_ = Path(sys.executable).parent
        self._environment = os.environ | {
            "SWEEP_HOME": str(self.home),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",  # seconds, for a server that hangs
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "RAY_TMPDIR": self._temp.name,  # a short path, because it holds sockets
            "PATH": f"{bin_}:{os.environ['PATH']}",
        }
        self._environment.pop("RAY_ADDRESS", None)
        self._environment.pop("MLFLOW_TRACKING_URI", None)
        self._server_environment: dict[str, str] | None = None
        port = free_port()
        self.tracking_uri = f"http://127.0.0.1:{port}"
        self._server_words = [
            *("-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)),
            *("--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'server.db'}"),
            *("--artifacts-destination", str(folder / "artifacts")),
        ]
        self.address = f"127.0.0.1:{free_port()}"
        self.start_server()
        self._head = self._start_node(
            *("--head", f"--port={self.address.rpartition(':')[2]}", "--num-cpus=1"),
            *("--include-dashboard=false", f"--ray-client-server-port={free_port()}"),
            f"--system-config={json.dumps(HEALTH_CHECK)}",
        )
        wait_until(self._head_is_up, "the head", self._head, folder / "ray.log")
        self.add_node()
        self.wait_for_server()

    def close(self) -> None:
        """Kill all processes."""
        if self.driver is not None and self.driver.poll() is None:
            self.driver.kill()
            self.driver.wait()
        self.kill_server()
        for node in (self._node, self._head):
            end(node)
        self._temp.cleanup()

    def _start(
        self, log: str, *words: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start `python WORDS…`, with its output appended to a log in the folder."""
        with (self.folder / log).open("ab") as file:
            return subprocess.Popen(
                [sys.executable, *words],
                env=environment or self._environment,
                stdout=file,
                stderr=file,
                start_new_session=True,
                # Where the tests run in the background, Ctrl-C is ignored, which is inherited.
                preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
            )

    # The driver.

    def start_driver(self, *words: object) -> None:
        """Start `sweep WORDS…` on this cluster and this tracking server."""
        assert self.driver is None or self.driver.poll() is not None
        options = ("--address", self.address, "--tracking-uri", self.tracking_uri)
        self.driver = self._start("driver.log", "-m", "sweep", *map(str, words), *options)

    def driver_log(self) -> str:
        """Return the output of all drivers so far; nothing before the first one."""
        log = self.folder / "driver.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def journal(self, name: str) -> list[dict[str, Any]]:
        """Return the entries in the outbox of a sweep, without an unfinished last line."""
        journal = self.home / name / "record" / "journal.jsonl"
        if not journal.exists():
            return []
        lines = journal.read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    # The tracking server: the process of MLflow's command, and uvicorn, which it starts.

    def start_server(self) -> None:
        """Start the server, from the second time on uvicorn alone, which takes half as long."""
        environment = self._server_environment
        self._server = self._start("server.log", *self._server_words, environment=environment)

    def server_is_up(self) -> bool:
        """Return whether the server answers within a second."""
        try:
            urlopen(f"{self.tracking_uri}/health", timeout=1).close()
        except OSError:
            return False
        return True

    def wait_for_server(self) -> None:
        """Block until the server answers, and note how uvicorn was started."""
        log = self.folder / "server.log"
        wait_until(self.server_is_up, "the tracking server", self._server, log)
        for uvicorn in children(psutil.Process(self._server.pid)):
            self._server_words = uvicorn.cmdline()[1:]
            self._server_environment = uvicorn.environ()

    def signal_server(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the server."""
        os.killpg(self._server.pid, number)

    def kill_server(self) -> None:
        """Kill all processes of the server."""
        self.signal_server(signal.SIGKILL)
        self._server.wait()

    # The nodes.

    def _start_node(self, *words: str) -> subprocess.Popen[bytes]:
        """Start `ray start --block WORDS…`."""
        script = "from ray.scripts.scripts import main; main()"
        agent = f"--dashboard-agent-listen-port={free_port()}"  # else that of another cluster
        return self._start("ray.log", "-c", script, "start", "--block", agent, *words)

    def _head_is_up(self) -> bool:
        """Return whether the head takes connections and has a raylet."""
        host, _, port = self.address.rpartition(":")
        with socket.socket() as probe:
            return probe.connect_ex((host, int(port))) == 0 and bool(raylets(self._head))

    def add_node(self) -> None:
        """Start the second node, with two CPUs."""
        self._node = self._start_node(f"--address={self.address}", "--num-cpus=2")

    def node_is_up(self) -> bool:
        """Return whether the second node has a raylet."""
        return bool(raylets(self._node))

    def kill_node(self) -> None:
        """Kill the raylet of the second node, and with it its workers."""
        for raylet in raylets(self._node):
            raylet.kill()
        end(self._node)

    def workers(self) -> list[psutil.Process]:
        """Return the processes that run trials, on both nodes."""
        return [
            child
            for node in (self._head, self._node)
            for raylet in raylets(node)
            for child in children(raylet)
            # Ray renames them so; the second is a further process of a trial.
            if "Trainable" in command_name(child) or command_name(child).startswith("ray::Rank")
        ]


def children(process: psutil.Process, *, recursive: bool = False) -> list[psutil.Process]:
    """Return the children of a process; none if it has ended."""
    try:
        return process.children(recursive=recursive)
    except psutil.NoSuchProcess:
        return []


def command_name(process: psutil.Process) -> str:
    """Return the first word of a process's command line; "" if it has ended."""
    try:
        return " ".join(process.cmdline()[:1])
    except psutil.Error:
        return ""


def raylets(node: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """Return the raylet of a node, in a list that is empty if there is none."""
    if node.poll() is not None:
        return []
    processes = children(psutil.Process(node.pid))
    return [process for process in processes if command_name(process).endswith("/raylet")]


def end(node: subprocess.Popen[bytes]) -> None:
    """Kill all processes of a node that are left."""
    left = [*children(psutil.Process(node.pid), recursive=True)] if node.poll() is None else []
    for process in left:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    node.kill()
    node.wait()


def wait_until(
    is_up: Callable[[], bool], name: str, process: subprocess.Popen[bytes], log: Path
) -> None:
    """Block until a server is up; fail with the end of its log if it ends, or after 60 s.

    name: of the server, for the message.
    """
    deadline = time.monotonic() + 60
    while not is_up():
        dead = process.poll() is not None or time.monotonic() > deadline
        assert not dead, f"{name} did not come up: {log.read_text(errors='replace')[-3000:]}"
        time.sleep(0.05)
