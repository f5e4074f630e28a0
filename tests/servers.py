"""Start real servers for tests and benchmarks on loopback: PostgreSQL, S3 and MLflow."""

import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.request import urlopen

PASSWORD = "only-for-tests@5/7"
PATIENCE_S = 60


class NotInstalled(RuntimeError):
    """The program of a server is not installed on this machine."""


class PostgreSQL:
    """A PostgreSQL server of Debian's package, with its data in a new folder; it requires a password.

    port: the port on loopback.
    """

    def __init__(self, folder: Path) -> None:
        """Create the data in an empty folder, and start the server.

        Raises:
            NotInstalled: there is no server on this machine.
        """
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not programs:
            raise NotInstalled("no PostgreSQL server in /usr/lib/postgresql (Debian: postgresql)")
        self._programs = programs[-1].parent
        # The server refuses to run as root.
        self._user = "postgres" if os.getuid() == 0 else None
        self._data = folder / "data"
        self.port = free_port()
        password = folder / "password"
        password.write_text(PASSWORD)
        if self._user:
            for path in (folder, password):
                shutil.chown(path, self._user, self._user)
        options = ["--username=sweeper", "--auth=scram-sha-256", f"--pwfile={password}"]
        self._run("initdb", "-D", self._data, "--no-sync", "--encoding=UTF8", *options)
        self.start()

    def start(self) -> None:
        """Start the server, and block until it answers."""
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": "",
            "fsync": "off",
        }
        words = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        self._server = subprocess.Popen(
            [self._programs / "postgres", "-D", self._data, *words],
            user=self._user,
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._answers, self._server)

    def stop(self) -> None:
        """End the server at once; connections break, as when it is restarted."""
        self._server.send_signal(signal.SIGINT)
        self._server.wait(PATIENCE_S)

    def url(self, database: str) -> str:
        """Return the address of a database, with the password; the database is created if needed."""
        import psycopg

        with self._connect() as connection, suppress(psycopg.errors.DuplicateDatabase):
            connection.execute(f'CREATE DATABASE "{database}"')
        password = PASSWORD.replace("@", "%40").replace("/", "%2F")
        return f"postgresql://sweeper:{password}@127.0.0.1:{self.port}/{database}"

    def _connect(self) -> Any:
        """Return a connection to the default database."""
        import psycopg

        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="sweeper", password=PASSWORD,
            dbname="postgres", autocommit=True,
        )  # fmt: skip

    def _answers(self) -> None:
        """Raise an error of psycopg unless the server takes a connection."""
        self._connect().close()

    def _run(self, program: str, *words: Any) -> None:
        """Run one of PostgreSQL's programs to its end, as the user of the server."""
        subprocess.run(
            [self._programs / program, *words],
            user=self._user, cwd="/", check=True, capture_output=True, timeout=PATIENCE_S,
        )  # fmt: skip


@contextmanager
def postgresql() -> Iterator[PostgreSQL]:
    """Run a PostgreSQL server for the length of a block, and yield it.

    Raises:
        NotInstalled: there is no server on this machine.
    """
    with tempfile.TemporaryDirectory() as folder:
        server = PostgreSQL(Path(folder))
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def s3() -> Iterator[dict[str, str]]:
    """Run moto's S3 server with a bucket `kept`, and yield the environment variables for its clients."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", free_port())
    server.start()
    host, port = server.get_host_and_port()
    environment = {
        "AWS_ACCESS_KEY_ID": "tester",
        "AWS_SECRET_ACCESS_KEY": PASSWORD,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "MLFLOW_S3_ENDPOINT_URL": f"http://{host}:{port}",
    }
    try:
        objects(environment).create_bucket(Bucket="kept")
        yield environment
    finally:
        server.stop()


def objects(environment: dict[str, str]) -> Any:
    """Return a client of S3.

    environment: the variables that `s3` yields.
    """
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        region_name=environment["AWS_DEFAULT_REGION"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
    )


@contextmanager
def mlflow_server(
    store: str, artifacts: str, folder: Path, environment: dict[str, str] | None = None
) -> Iterator[str]:
    """Run `mlflow server`, and yield its address.

    store: address of its database.
    artifacts: folder or address for artifacts.
    folder: where it runs and logs.
    environment: variables beside those of this process.
    """
    port = free_port()
    words = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    environment = {
        **os.environ,
        **(environment or {}),
        "MLFLOW_BACKEND_STORE_URI": store,  # not in the arguments, which others can list
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    }
    with (folder / "mlflow-server.log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "mlflow", "server", *words, "--artifacts-destination", artifacts],
            cwd=folder, env=environment, stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: urlopen(f"{address}/health", timeout=1).close(), server)
        yield address
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(PATIENCE_S)


def free_port() -> int:
    """Return a port of loopback that no process uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(answers: Callable[[], None], server: subprocess.Popen[bytes]) -> None:
    """Call a function until it does not raise.

    Its error is raised if the server has ended, or after PATIENCE_S seconds.
    """
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return answers()
        except Exception:
            if server.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
