"""The verb that shows a sweep in MLflow's interface; tests/sweep/test_ui.py looks at the pages."""

import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from contextlib import closing, suppress
from functools import partial

import pytest

from tests.sweep.conftest import browser_of, record, sweep, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture
def port():
    """A port that nothing listens at."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def until(condition, seconds=150):
    """Wait for a condition."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def answers(url):
    """Whether a server answers at this address."""
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


@pytest.mark.long
def test_the_page_of_a_sweep_is_printed_served_and_opened_at_a_terminal(finished, port, tmp_path):
    environment, opened = browser_of(tmp_path)
    home = finished / "sweeps"
    terminal, end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep", "ui", "tiny", "--port", str(port)],
        env=os.environ | environment | {"SWEEP_HOME": str(home)},
        stdout=end, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    os.close(end)
    try:
        line = b""
        while b"\n" not in line:
            line += os.read(terminal, 1000)
        (url,) = re.findall(r"(http\S+) \(Ctrl-C ends it\)", line.decode())
        parent, _ = record(home, "tiny")
        run = f"#/experiments/{parent.info.experiment_id}/runs/{parent.info.run_id}"
        assert url == f"http://127.0.0.1:{port}/{run}?workflowType=machine_learning"
        assert answers(f"http://127.0.0.1:{port}/"), "as soon as its address is printed"
        until(opened.exists)
        assert opened.read_text() == f"{url}\n"
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 130
        os.set_blocking(terminal, False)
        with suppress(OSError):
            line += os.read(terminal, 1000)
        os.close(terminal)
    assert "MLflow's server starts, which takes some seconds" in errors
    assert not re.search("INFO|GET|Uvicorn", errors), "no line for each request or process"
    assert line.decode().split() == [url, "(Ctrl-C", "ends", "it)"], "nothing pushes it away"
    assert not answers(f"http://127.0.0.1:{port}/")


@pytest.mark.long
def test_with_write_users_log_in_with_the_password_of_the_environment(finished, port, tmp_path):
    password = "hunter2-of-admin"
    secrets = {"MLFLOW_AUTH_ADMIN_PASSWORD": password, "MLFLOW_FLASK_SERVER_SECRET_KEY": "k" * 20}
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep", "ui", "--write", "--port", str(port)], cwd=tmp_path,
        env=os.environ | secrets | {"SWEEP_HOME": str(finished / "sweeps")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip

    def status(*user):
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}/api/2.0/mlflow/experiments/search?max_results=3"
        )
        request.add_header("Authorization", f"Basic {b64encode(':'.join(user).encode()).decode()}")
        try:
            return urllib.request.urlopen(request, timeout=30).status
        except urllib.error.HTTPError as error:
            return error.code

    try:
        assert "Ctrl-C ends it" in process.stdout.readline()
        assert status("admin", password) == 200
        assert status("admin", "password1234") == 401, "MLflow's own default"
        assert status("", "") == 401
        assert not list(tmp_path.iterdir()), "nothing is left where it was started"
        users = [file for file in (finished / "sweeps").iterdir() if file.name.startswith("users")]
        assert {(file.name, file.stat().st_mode & 0o777) for file in users} == {
            ("users.db", 0o600), ("users.ini", 0o600),
        }  # fmt: skip
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


@pytest.mark.parametrize("seconds", [0.1, 1.5, pytest.param(4, marks=pytest.mark.long)])
def test_ctrl_c_while_the_server_starts_ends_all_its_processes_without_a_traceback(
    seconds, finished, port
):
    process = subprocess.Popen(
        [sys.executable, "-m", "sweep", "ui", "--port", str(port)],
        env=os.environ | {"SWEEP_HOME": str(finished / "sweeps")}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        # Whoever runs the tests in the background has Ctrl-C ignored, which would be inherited.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    assert "server starts" in process.stderr.readline()
    time.sleep(seconds)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    with socket.create_server(("127.0.0.1", port)):
        pass  # the port is free again


def test_a_server_that_cannot_start_says_why_and_no_address_is_printed(port, tmp_path):
    """Its port is taken between the look and the start."""
    code = (
        "from sweep.cli import ui; ui._refuse_taken = lambda host, port: None\n"
        "from sweep.cli.app import main; main()"
    )
    with socket.create_server(("127.0.0.1", port), backlog=1):
        ended = subprocess.run(
            [sys.executable, "-c", code, "ui", "--port", str(port)],
            env=os.environ | {"SWEEP_HOME": str(tmp_path)},
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert ended.returncode == 1, ended.stderr
    assert ended.stdout == ""
    *_, reason, last = ended.stderr.splitlines()
    assert "address already in use" in reason.lower()
    assert last.startswith(f"MLflow's server must answer at http://127.0.0.1:{port}/, but ended")


def test_an_unknown_sweep_is_refused_before_the_interface_starts(finished):
    ended = verb("ui", "tny", SWEEP_HOME=str(finished / "sweeps"))
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "has no sweep named 'tny'; it has tiny." in ended.stderr


def test_a_database_of_something_else_is_refused_before_the_interface_starts(tmp_path):
    file = tmp_path / "orders.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE orders (number INTEGER)")
    before = file.read_bytes()
    ended = verb("ui", "--tracking-uri", f"sqlite:///{file}")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert "there is no MLflow record at" in ended.stderr
    assert file.read_bytes() == before


def test_a_port_that_is_taken_is_refused_before_the_interface_starts():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = sweep("ui", "--port", str(port))
    assert process.returncode == 1
    assert f"cannot listen at 127.0.0.1:{port} (Address already in use): give another" in (
        process.stdout + process.stderr
    )
    assert "Ctrl-C ends it" not in process.stdout
