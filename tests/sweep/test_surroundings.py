"""Real sweeps in surroundings that are not as the tests of their parts have them."""

import os
import re
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests import servers
from tests.gateway import Answer, gateway
from tests.sweep.conftest import TINY, record, sweep, verb
from tests.sweep.workers.test_foreign_groups import FOREIGN

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

KEPT = TINY.replace("budget: {trials: 4}", "budget: {trials: 2}\ncheckpoints: {model: true}")
MOST = 100_000  # bytes that the gateway takes


@pytest.mark.long
def test_a_sweep_behind_a_gateway_that_takes_small_files_only_ends_well(tmp_path):
    """nginx takes a megabyte; the models of the miniature are half of that, so this one takes less."""
    home = str(tmp_path / "sweeps")
    (tmp_path / "tiny.yaml").write_text(KEPT)

    def too_large(request):
        return Answer(413) if request.num_bytes > MOST else None

    store = f"sqlite:///{tmp_path}/mlflow.db"
    with (
        servers.mlflow_server(store, str(tmp_path / "artifacts"), tmp_path) as upstream,
        gateway(too_large, upstream) as server,
    ):
        ended = sweep("run", tmp_path / "tiny.yaml", "--tracking-uri", server.url, SWEEP_HOME=home)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "2/2" in ended.stdout
        assert "MLflow refuses a file of trial 0, which stays at " in ended.stderr
        assert "MLflow has refused 2 entries of the record, which stay here: " in ended.stderr
        words = ("sync", "tiny", "--tracking-uri", server.url)
        again = verb(*words, SWEEP_HOME=home)
        assert again.exit_code == 0, again.stderr
        assert again.stdout == "0 entries delivered; the record of tiny has all else.\n"
        assert "MLflow has refused 2 entries" in again.stderr
        server.rule = lambda _: None
        last = verb(*words, SWEEP_HOME=home)
        assert (last.exit_code, last.stderr) == (0, "")
        assert last.stdout == "2 entries delivered; the record of tiny is complete.\n"
        sent = {request.path.rpartition("/")[2] for request in server.requests}
        assert {"front.html", "front.png", "model.safetensors", "config.json"} <= sent
    models = list((tmp_path / "artifacts").rglob("model.safetensors"))
    assert len(models) == 2
    assert all(path.stat().st_size > MOST for path in models)
    assert [*(tmp_path / "sweeps/tiny/record/files").iterdir()] == []


@contextmanager
def long_folder():
    """A folder of 70 characters, too long for the sockets of Ray."""
    folder = Path("/tmp") / ("x" * 65)
    folder.mkdir(exist_ok=True)
    yield str(folder)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


@pytest.mark.long
def test_every_trial_runs_in_a_shell_of_another_program_whose_output_nobody_reads(tmp_path):
    """ASCII, a pipe that is closed after a line, a long TMPDIR, the variables of a process group."""
    (tmp_path / "tiny.yaml").write_text(TINY.replace("at_once: 1", "at_once: 2"))
    home = str(tmp_path / "sweeps")
    with long_folder() as folder:
        ended = subprocess.run(
            ["bash", "-c", '"$0" -m sweep run "$1" | head -n 1; exit ${PIPESTATUS[0]}', sys.executable, str(tmp_path / "tiny.yaml")],
            env=os.environ | FOREIGN
            | {"PYTHONIOENCODING": "ascii", "TMPDIR": folder, "SWEEP_HOME": home},
            capture_output=True, timeout=240, check=False,
        )  # fmt: skip
    assert ended.returncode == 0, ended.stderr.decode()
    assert ended.stderr == b""
    assert len(ended.stdout.decode("ascii").splitlines()) == 1
    _, trials = record(Path(home), "tiny")
    assert {run.data.tags["sweep.state"] for run in trials} == {"complete"}
    assert len(trials) == 4


COMMANDS = {
    "front": ("front tiny", ""),
    "full": ("status tiny", "> /dev/full"),
    "closed": ("compare tiny base 1", ">&-"),
    "head": ("front tiny --format json", "| head -n 1; exit ${PIPESTATUS[0]}"),
}


def test_a_verb_has_the_exit_code_of_utf_8_wherever_its_output_goes(finished):
    """All of them at the same time, since most of their time is for imports."""
    environment = os.environ | {
        "SWEEP_HOME": str(finished / "sweeps"), "PYTHONIOENCODING": "ascii:strict"
    }  # fmt: skip
    running = {
        name: subprocess.Popen(
            ["bash", "-c", f'"$0" -m sweep {words} {redirect}', sys.executable],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for name, (words, redirect) in COMMANDS.items()
    }
    ended = {name: process.communicate(timeout=200) for name, process in running.items()}
    full = "the output cannot be written: No space left on device.\n"
    for name, (output, errors) in ended.items():
        assert running[name].returncode == 0, (name, errors.decode())
        assert errors.decode() == (full if name == "full" else ""), name
        output.decode("ascii")
    assert b"+/-" in ended["front"][0]
    assert ended["head"][0] == b"[\n"


@pytest.mark.parametrize("home", ["/proc/here", "/etc/passwd", "/etc/passwd/below", "/dev/null"])
def test_a_home_that_cannot_be_is_one_sentence(home, tiny):
    for words in (["run", tiny], ["resume", "tiny"], ["status", "tiny"], ["sync", "tiny"]):
        ended = verb(*words, SWEEP_HOME=home)
        assert ended.exit_code == 2, words
        assert len(ended.stderr.splitlines()) == 1, ended.stderr
        assert ended.stdout == ""


def test_where_no_sweep_was_run_ls_says_what_to_do(tmp_path):
    for form, output in (
        ("table", r"\s*sweep .*"),
        ("json", r"\[\s*\]\n"),
        ("csv", "name,state,.*"),
    ):
        ended = verb("ls", "--format", form, SWEEP_HOME=str(tmp_path / "sweeps"))
        assert ended.exit_code == 0
        assert re.fullmatch(output, ended.stdout, re.DOTALL)
        assert ended.stderr.startswith("no sweep is recorded in sqlite:///")
        assert "`sweep run SPEC` runs one" in ended.stderr
    assert [*tmp_path.iterdir()] == []


def test_a_refused_run_leaves_no_folder(tmp_path):
    (tmp_path / "tiny.yaml").write_text(TINY.replace("data: miniature, size: 50", "data: no.csv"))
    ended = verb("run", tmp_path / "tiny.yaml", SWEEP_HOME=str(tmp_path / "sweeps"))
    assert ended.exit_code == 2
    assert f"{tmp_path}/tiny.yaml:4: trial.alignment.data: " in ended.stderr
    assert not (tmp_path / "sweeps/tiny").exists()
