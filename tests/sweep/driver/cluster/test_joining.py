"""The cluster that a sweep runs on, and how many trials it holds."""

import os
import pty
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest
import ray

from sweep.driver.cluster.joining import joined, num_nodes
from tests.markdown import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def processes_in(folder):
    """The command lines of processes with a folder in their command line."""
    lines = [
        " ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])
    ]
    return [line for line in lines if folder in line]


def test_a_cluster_that_is_joined_already_stays_joined():
    with joined(None, "sqlite:///mlflow.db"):
        assert num_nodes() == 1
    assert ray.is_initialized()


def test_a_cluster_that_is_not_there_is_one_sentence_at_once():
    """In a process of its own, which has joined no cluster."""
    code = "from sweep.driver.cluster.joining import joined\nwith joined('127.0.0.1:9', ''): pass"
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=20
    )
    last_line = process.stderr.splitlines()[-1]
    assert last_line.startswith(
        "sweep.driver.running_sweep.CannotRun: --address must be a Ray cluster that is up and lets us in (auto or "
        "HOST:PORT), but '127.0.0.1:9' cannot be joined: "
    )


def test_a_command_with_a_password_joins_no_cluster_of_others():
    """Ray keeps the command in the cluster's table of jobs."""
    code = "from sweep.driver.cluster.joining import joined\nwith joined('127.0.0.1:9', ''): pass"
    process = subprocess.run(
        [sys.executable, "-c", code, "--storage", "postgresql://me:Secret99@host/db"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    last_line = process.stderr.splitlines()[-1]
    assert "the command must hold no password or token where it joins a cluster" in last_line
    assert "Secret99" not in last_line


def test_an_address_with_a_password_is_refused_by_the_name_of_its_option():
    address = "ray://u:Secret99@host:10001"
    code = f"from sweep.driver.cluster.joining import joined\nwith joined({address!r}, ''): pass"
    process = subprocess.run(
        [sys.executable, "-c", code, "--address", address],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    last_line = process.stderr.splitlines()[-1]
    assert "--address must be that of a Ray cluster" in last_line
    assert "ray://u:***@host:10001" in last_line


JOIN = """
import os, ray
from sweep.driver.cluster.joining import joined
with joined(None, ""):
    print(ray.get(ray.remote(lambda: 7).remote()), ray._private.worker._global_node.get_temp_dir_path())
"""


@pytest.mark.long
@pytest.mark.parametrize(
    "variables",
    [
        {"TMPDIR": "/tmp/Ünïcode dir"},
        pytest.param({"RAY_TMPDIR": f"/tmp/{'x' * 120}"}, marks=pytest.mark.long),
    ],
    ids=str,
)
def test_ray_starts_whatever_the_folder_for_temporary_files_and_leaves_nothing(variables):
    """Paths of sockets are ASCII and at most 107 bytes long. Such folders are made, so as not to miss."""
    folder = Path(*variables.values())
    folder.mkdir(exist_ok=True)
    process = subprocess.run(
        [sys.executable, "-c", JOIN], env=os.environ | variables, capture_output=True, text=True,
        timeout=100, check=False,
    )  # fmt: skip
    folder.rmdir()
    assert process.returncode == 0, process.stderr
    seven, place = process.stdout.split()
    assert seven == "7"
    assert Path(place).name == "r"
    assert Path(place).parents[1] == Path("/tmp")
    assert not Path(place).parent.exists()
    assert processes_in(place) == []


INTERRUPTED = """
import os, signal, sys, threading, time
from sweep.driver.cluster.joining import joined
from sweep.driver.interrupts import raising_ctrl_c

after_s, number = float(sys.argv[1]), int(sys.argv[2])
with raising_ctrl_c():
    threading.Thread(target=lambda: (time.sleep(after_s), os.killpg(os.getpgid(0), number))).start()
    try:
        with joined(None, ""):
            time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize(
    "after_s", [0.9, *(pytest.param(each, marks=pytest.mark.long) for each in (2.2, 3.5))]
)
def test_nothing_lives_on_after_a_signal_while_ray_starts(number, after_s):
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        process = subprocess.run(
            [sys.executable, "-c", INTERRUPTED, str(after_s), str(int(number))],
            env=os.environ | {"TMPDIR": folder}, capture_output=True, timeout=100, check=False,
            start_new_session=True,
        )  # fmt: skip
        assert process.returncode == 130, process.stderr
        assert processes_in(folder) == []
        assert os.listdir(folder) == []


APART = """
import os, psutil
from sweep.driver.cluster.joining import joined
with joined(None, ""):
    ray = psutil.Process().children(recursive=True)
    print({process.name() for process in ray} >= {"gcs_server", "raylet"}, os.getsid(0) in {os.getsid(process.pid) for process in ray})
"""


@pytest.mark.long
def test_signals_of_a_terminal_reach_no_process_of_ray():
    """They go to the group of the process, which is in its session."""
    process = subprocess.run(
        [sys.executable, "-c", APART], capture_output=True, text=True, timeout=100, check=False
    )
    assert process.stdout.split() == ["True", "False"], process.stderr


LOST = """
import psutil, sys, threading, time
from sweep.driver.cluster.joining import joined

program, moment = sys.argv[1:]

def kill():
    while True:
        for child in psutil.Process().children():
            if child.name() == program:
                child.kill()
                return
        time.sleep(0.01)

if moment == "starting":
    threading.Thread(target=kill, daemon=True).start()
with joined(None, "", on_lost=lambda reason: print(reason) or 130):
    import ray
    group = ray.util.placement_group([{"CPU": 1}])
    kill()
    ray.util.remove_placement_group(group)
    time.sleep(60)
"""


@pytest.mark.parametrize(
    ("program", "moment"),
    [
        ("gcs_server", "running"),
        pytest.param("raylet", "running", marks=pytest.mark.long),
        pytest.param("gcs_server", "starting", marks=pytest.mark.long),
        pytest.param("raylet", "starting", marks=pytest.mark.long),
    ],
)
def test_a_ray_that_has_gone_ends_the_process_with_a_reason_and_leaves_nothing(program, moment):
    """Calls of it would wait for ever; but while it starts, Ray may tell first that it does not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        process = subprocess.run(
            [sys.executable, "-c", LOST, program, moment], env=os.environ | {"TMPDIR": folder},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if process.returncode == 1 and moment == "starting":
            assert "CannotRun: " in process.stderr.splitlines()[-1], process.stderr
        else:
            assert process.returncode == 130, process.stderr
            last_line = process.stdout.splitlines()[-1]
            assert last_line == f"Ray, which runs the trials, has gone: its {program} has ended"
        assert processes_in(folder) == []
        assert os.listdir(folder) == []


@pytest.mark.long
def test_the_files_of_ray_can_be_read_by_this_user_alone(tmp_path):
    """Its token, too, from the moment on that Ray writes it: others cannot enter the folder."""
    (tmp_path / ".ray").mkdir(mode=0o755)
    code = """
import os, ray
from pathlib import Path
from sweep.driver.cluster.joining import joined
with joined(None, ""):
    folder = Path(ray._private.worker._global_node.get_temp_dir_path()).parent
    print(oct(folder.stat().st_mode & 0o777), len(list(folder.rglob("*.log"))) > 0)
"""
    process = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"HOME": str(tmp_path)}, capture_output=True,
        text=True, timeout=100, check=False,
    )  # fmt: skip
    assert process.stdout.split() == ["0o700", "True"], process.stderr
    modes = [path.stat().st_mode & 0o777 for path in (tmp_path / ".ray", *tmp_path.glob(".ray/*"))]
    assert modes == [0o700, 0o600]


@pytest.mark.long
def test_ray_leaves_no_escape_sequence_on_a_terminal():
    terminal, end = pty.openpty()
    subprocess.run([sys.executable, "-c", JOIN], stdout=end, timeout=100, check=True)
    printed = os.read(terminal, 1000)
    for descriptor in (terminal, end):
        os.close(descriptor)
    assert printed.startswith(b"7 ")
    assert b"\x1b" not in printed


def test_a_cluster_that_cannot_start_on_this_machine_is_one_sentence():
    """No folder can be written."""
    code = f"def full(**_): raise OSError\nimport tempfile; tempfile.TemporaryFile = full\n{JOIN}"
    process = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"TMPDIR": "/tmp/here"}, capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert process.stderr.splitlines()[-1] == (
        "sweep.driver.running_sweep.CannotRun: Ray must start on this machine, but does not: its files "
        "must be in a folder that can be written, with a path of at most 26 bytes, and none of "
        "/tmp/here, /tmp, /var/tmp is such a one: set TMPDIR. If the machine is busy, try again; "
        "--address joins a cluster that is up."
    )


AT_THE_END = """
import re, signal, threading, time
from pathlib import Path
from sweep.driver.cluster.joining import _leave
from tests.local_ray import start_ray

start_ray(1)
signal.signal(signal.SIGTERM, lambda *_: None)
taken, is_over = [], threading.Event()

def watch():
    while not is_over.wait(0.005):
        caught = int(re.search(r"SigCgt:\\s*(\\w+)", Path("/proc/self/status").read_text())[1], 16)
        taken.append(not caught >> (signal.SIGTERM - 1) & 1)

thread = threading.Thread(target=watch)
thread.start()
_leave()
is_over.set()
thread.join()
print(len(taken), sum(taken))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="by /proc")
def test_sigterm_stays_ours_while_ray_ends():
    """Ray gives it back to the system, which ends a process, a second before it is over."""
    process = subprocess.run(
        [sys.executable, "-c", AT_THE_END], capture_output=True, text=True, timeout=100, check=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    num_looks, num_taken = map(int, process.stdout.split())
    assert num_looks > 20
    assert num_taken <= 3, f"of {num_looks} looks, one every 5 ms"
