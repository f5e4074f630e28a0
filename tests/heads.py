"""Heads of Ray clusters on loopback, with token authentication, that tests start, kill and start again."""

import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.faults.stage import end
from tests.servers import free_port


class Head:
    """A head of two CPUs that is up from construction until `kill`, and again from `start` on.

    environment: of a client; RAY_TMPDIR in it is the folder of the head's own files.
    jobs: the address of its job API; gcs: HOST:PORT at which drivers join it.
    """

    def __init__(self, folder: Path, num_cpus: int = 2, **variables: str) -> None:
        """Start it; its log, its token and its sweeps lie in a folder.

        variables: of the environment, of the head and of its clients.
        """
        self._log = folder / "head.log"
        token = folder / "token"
        token.write_text(secrets.token_hex(32))
        token.chmod(0o600)
        self.environment = os.environ | {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(token),
            "SWEEP_HOME": str(folder / "sweeps"),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            **variables,
        }
        for name in ("RAY_ADDRESS", "RAY_API_SERVER_ADDRESS"):
            self.environment.pop(name, None)
        gcs, self._dashboard = free_port(), free_port()
        self.environment["RAY_TMPDIR"] = f"/tmp/ray-test-{gcs}"
        self.jobs = f"http://127.0.0.1:{self._dashboard}"
        self.gcs = f"127.0.0.1:{gcs}"
        self._words = [
            *("ray", "start", "--head", "--block", f"--num-cpus={num_cpus}"),
            *("--node-ip-address=127.0.0.1", f"--port={gcs}", "--dashboard-host=127.0.0.1"),
            f"--dashboard-port={self._dashboard}",
            # Ports of its own, or another cluster on the machine would be in its way.
            f"--dashboard-agent-listen-port={free_port()}",
            f"--ray-client-server-port={free_port()}",
            f"--metrics-export-port={free_port()}",
            f"--temp-dir={self.environment['RAY_TMPDIR']}",
        ]
        self.start()

    def start(self) -> None:
        """Start it, and block until its job API takes connections."""
        with self._log.open("a") as log:
            self._process = subprocess.Popen(
                self._words, env=self.environment, stdout=log, stderr=log, start_new_session=True
            )
        for _ in range(120):
            assert self._process.poll() is None, self._log.read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._dashboard)) == 0:
                    time.sleep(3)
                    return
            time.sleep(0.5)
        raise AssertionError(self._log.read_text())

    def kill(self) -> None:
        """Kill all of its processes, and those of its jobs, as when the machine loses its power."""
        end(self._process)
