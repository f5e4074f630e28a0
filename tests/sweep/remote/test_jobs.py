"""A sweep handed to a real Ray head on loopback, with token authentication."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.gateway import Answer, gateway
from tests.heads import Head
from tests.markdown import ROOT
from tests.servers import free_port
from tests.sweep.conftest import TINY, optuna_states, record, sweep, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """Environment of a client of a running head, and the address of its job API.

    RAY_TMPDIR in it is the folder of the head's own files.
    """
    running = Head(tmp_path_factory.mktemp("head"))
    yield running.environment, running.jobs
    running.kill()


@pytest.mark.long
def test_a_submitted_sweep_runs_on_the_cluster_and_its_log_is_followed(head, tmp_path):
    environment, jobs = head
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace("trials: 4", "trials: 2"))
    ended = sweep("submit", path, "--yes", "--address", jobs, "--follow", **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "submitted as tiny-1" in ended.stdout
    assert "[2/2]" in ended.stdout
    home = Path(environment["SWEEP_HOME"])
    assert optuna_states(home, "tiny") == {"COMPLETE": 2}
    parent, trials = record(home, "tiny")
    assert {run.info.status for run in [parent, *trials]} == {"FINISHED"}
    again = sweep("submit", path, "--yes", "--address", jobs, **environment)
    assert (again.returncode, again.stderr) == (
        2,
        "tiny must be a sweep that the cluster does not know yet, but tiny-1 has succeeded: submit it "
        "with --resume to go on with that one, or under another name.\n",
    )
    assert "submitted" not in again.stdout


@pytest.mark.long
def test_the_log_of_a_job_is_printed_without_secrets_and_what_a_terminal_obeys(head):
    environment, jobs = head
    secret = f"hf_{'aB3' * 10}"
    script = f"""
        from ray.job_submission import JobSubmissionClient
        from sweep.remote.jobs import follow
        says = r"printf 'a\\033[31m\\033[2Jb\\033[0m\\n{secret} c\\nd'"
        job = JobSubmissionClient({jobs!r}).submit_job(entrypoint=says)
        assert follow(job, address={jobs!r}) == 0
    """
    words = [sys.executable, "-c", textwrap.dedent(script)]
    ended = subprocess.run(words, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert {"a\\x1b[2Jb", "*** c"} <= {*ended.stdout.splitlines()}
    assert secret not in ended.stdout


@pytest.mark.long
def test_a_spec_is_submitted_as_it_was_read_wherever_from(head):
    environment, jobs = head
    text = TINY.replace("name: tiny", "name: piped").replace("trials: 4", "trials: 1")
    words = ("submit", "/dev/stdin", "--yes", "--address", jobs, "--follow")
    ended = sweep(*words, given=text, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert optuna_states(Path(environment["SWEEP_HOME"]), "piped") == {"COMPLETE": 1}


@pytest.mark.long
@pytest.mark.parametrize("is_late", [False, True])
def test_a_connection_that_is_dropped_before_its_answer_submits_a_sweep_once(
    is_late, head, tmp_path
):
    environment, jobs = head
    name = f"dropped-{is_late}".lower()
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace("name: tiny", f"name: {name}").replace("trials: 4", "trials: 1"))
    drops = [Answer(0, is_late=is_late)]

    def rule(request):
        is_submission = request.method == "POST" and request.path == "/api/jobs/"
        return drops.pop() if is_submission and drops else None

    with gateway(rule, jobs) as busy:
        ended = sweep("submit", path, "--yes", "--address", busy.url, **environment)
    assert not drops
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"submitted as {name}-1" in ended.stdout
    again = sweep("submit", path, "--yes", "--address", jobs, **environment)
    assert again.returncode == 2
    assert f"{name}-1" in again.stderr, "the one job of the sweep"
    sweep("logs", "-f", name, "--address", jobs, **environment)  # until it has ended
    again = sweep("submit", path, "--yes", "--address", jobs, "--follow", "--resume", **environment)
    assert f"submitted as {name}-2" in again.stdout, "no other job of the sweep is there"


def test_without_the_token_nothing_is_submitted(head, tmp_path):
    environment, jobs = head
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    wrong = tmp_path / "wrong"
    wrong.write_text("0" * 64)
    ended = sweep(
        "submit",
        path,
        "--yes",
        "--address",
        jobs,
        **environment | {"RAY_AUTH_TOKEN_PATH": str(wrong)},
    )
    assert ended.returncode == 2
    assert "submitted" not in ended.stdout
    assert "Traceback" not in ended.stderr


def test_an_address_where_nothing_answers_is_one_sentence(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    ended = sweep(
        "submit", path, "--yes", "--address", f"http://127.0.0.1:{free_port()}", timeout=60
    )
    assert ended.returncode == 2
    (sentence,) = ended.stderr.splitlines()
    assert sentence.startswith("--address must be the job API of a running Ray cluster")


@pytest.mark.parametrize("words", [("submit", "SPEC"), ("run", "SPEC"), ("resume", "x")])
@pytest.mark.parametrize(
    "address", ["http://bob:CAN ARY@127.0.0.1:1", "bob:CAN ARY@127.0.0.1:1", "http://h/?t=CAN ARY"]
)
def test_an_address_with_a_blank_is_refused_and_not_shown(words, address, tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    ended = verb(*(str(path) if word == "SPEC" else word for word in words), "--address", address)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr == "--address must have no blank: write one in a password as %20.\n"


@pytest.mark.long
def test_the_folder_of_own_tasks_goes_with_the_sweep(head, tmp_path):
    environment, jobs = head
    path = tmp_path / "own.yaml"
    text = TINY.replace("name: tiny", "name: own", 1).replace("trials: 4", "trials: 1")
    text = text.replace("stereoset, data: miniature, limit: 40", "harness, task: mini_capitals")
    path.write_text(text.replace("bias/miniature/gap", "task/mini_capitals/acc"))
    tasks = ROOT / "tests" / "harness_tasks"
    words = ("submit", path, "--yes", "--address", jobs, "--follow", "--harness-tasks", tasks)
    ended = sweep(*words, **environment)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert optuna_states(Path(environment["SWEEP_HOME"]), "own") == {"COMPLETE": 1}
