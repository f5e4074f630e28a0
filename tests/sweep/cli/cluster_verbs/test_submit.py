"""The checks of `sweep submit`; a submitted sweep runs in tests/sweep/remote/test_jobs.py."""

import os
import pty
import subprocess
import sys
from contextlib import suppress

import pytest

from sweep.remote import addresses
from tests.gateway import Answer, job_api
from tests.servers import free_port
from tests.sweep.conftest import verb


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "sweeps"))
    monkeypatch.chdir(tmp_path)


def nowhere():
    """An address where nothing listens."""
    return f"http://127.0.0.1:{free_port()}"


def test_an_address_that_is_no_url_is_refused_before_anything_is_submitted(tiny):
    ended = verb("submit", tiny, "--address", "127.0.0.1:8265")
    assert ended.exit_code == 2
    assert ended.stderr == (
        "--address must be http://HOST:PORT of the job API, but got '127.0.0.1:8265'.\n"
    )


@pytest.mark.parametrize(
    "uri",
    [
        "http://me:secret@head:5000",
        "postgresql://me:secret@head/x",
        "http://head:5000/?token=secret",
    ],
)
def test_an_address_with_a_password_is_refused_without_repeating_it(tiny, uri):
    words = ("submit", tiny, "--address", "http://127.0.0.1:8265", "--tracking-uri", uri)
    ended = verb(*words)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("--tracking-uri must hold no password")
    assert "secret" not in ended.stderr


def test_the_faults_of_a_spec_are_reported_first(tiny):
    tiny.write_text(tiny.read_text().replace("trials: 4", "trials: 0"))
    ended = verb("submit", tiny, "--address", "nowhere")
    assert ended.exit_code == 2
    assert "budget.trials must be" in ended.stderr


def test_what_is_submitted_is_printed_and_without_a_terminal_yes_is_needed(tiny):
    ended = verb("submit", tiny, "--address", nowhere(), "--cap", 3)
    assert (ended.exit_code, ended.stderr) == (
        2,
        "--yes must be given where there is no terminal to ask on; nothing was submitted.\n",
    )
    lines = ended.stdout.splitlines()
    assert lines[0] == "tiny     4 trials, 1 at once", "a cap is no more than the spec has"
    assert lines[2:4] == ["record   the cluster's default", "search   the cluster's default"]
    assert lines[4].startswith("ships    sweep.yaml, ")


def asked(tiny, address, answer, *words):
    """Submit on a terminal on which keys are typed; return (what is printed, errors, code)."""
    keyboard, terminal = pty.openpty()
    command = [sys.executable, "-m", "sweep", "submit", tiny, "--address", address, *words]
    process = subprocess.Popen(command, stdin=terminal, stdout=terminal, stderr=subprocess.PIPE)
    os.close(terminal)
    os.write(keyboard, answer.encode())
    printed = b""
    with suppress(OSError):  # the process has ended
        while True:
            printed += os.read(keyboard, 10_000)
    _, errors = process.communicate()
    os.close(keyboard)
    return printed.decode(), errors.decode(), process.returncode


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("answer", "end"),
    [
        ("n\n", "nothing was submitted."),
        ("\x04", "nothing was submitted."),  # Ctrl-D
        ("y\n", "does not take the sweep"),
    ],
)
def test_on_a_terminal_it_asks(tiny, answer, end):
    with job_api() as api:
        printed, errors, code = asked(tiny, api.url, answer)
    assert "submit it? [y/N]" in printed
    assert (code, end in errors) == (2, True)
    is_sent = any(request.path.startswith("/api/packages") for request in api.requests)
    assert is_sent == (answer == "y\n")
    assert len(errors.splitlines()) == 1


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("job", "words", "sentence"),
    [
        (
            ("tiny-1", "RUNNING", None),
            [],
            "tiny runs on the cluster already, as tiny-1: `sweep logs",
        ),
        (("tiny-1", "PENDING", None), ["--resume"], "tiny runs on the cluster already, as tiny-1"),
        (("tiny-1", "SUCCEEDED", 0), [], "but tiny-1 has succeeded: submit it with --resume"),
    ],
)
def test_of_a_sweep_that_the_cluster_knows_nothing_is_asked(tiny, job, words, sentence):
    with job_api([job]) as api:
        printed, errors, code = asked(tiny, api.url, "y\n", *words)
        assert "submit it?" not in printed
        assert (code, sentence in errors) == (2, True)
        with_yes = verb("submit", tiny, "--yes", "--address", api.url, *words)
    assert (with_yes.exit_code, sentence in with_yes.stderr) == (2, True)
    assert {request.method for request in api.requests} == {"GET"}


@pytest.mark.timeout(60)
def test_a_head_that_goes_away_as_it_is_given_the_job_may_have_taken_it(tiny):
    with job_api() as api:
        answers = api.rule

        def rule(request):
            if request.path.startswith("/api/packages"):  # it has what is uploaded
                return Answer(200)
            if request.method == "POST":
                api.rule = lambda _: Answer(0)  # the connection is closed, now and later
            return answers(request) if request.method == "GET" else Answer(0)

        api.rule = rule
        ended = verb("submit", tiny, "--yes", "--address", api.url)
    assert ended.exit_code == 1, "not 2, by which nothing was started"
    assert "has gone away before it has said whether it takes the job" in ended.stderr
    assert "`sweep jobs` shows it" in ended.stderr


@pytest.mark.timeout(60)
def test_an_unreachable_cluster_is_told_before_the_question(tiny):
    printed, errors, code = asked(tiny, nowhere(), "y\n")
    assert (code, "submit it?" in printed) == (2, False)
    assert errors.startswith("--address must be the job API of a running Ray cluster")


def test_addresses_are_taken_from_the_option_then_the_environment_then_what_is_kept(tiny):
    addresses.keep(addresses.cluster("http://kept:1", "http://kept:2", "postgresql://kept/x"))
    variables = {
        "RAY_API_SERVER_ADDRESS": "http://variable:1",
        "MLFLOW_TRACKING_URI": "http://variable:2",
        "OPTUNA_STORAGE": "postgresql://variable/x",
    }
    options = ("--address", "http://option:1", "--tracking-uri", "http://option:2")
    for words, environment, name in (
        ((), {}, "kept"),
        ((), variables, "variable"),
        ((*options, "--storage", "postgresql://option/x"), variables, "option"),
    ):
        lines = verb("submit", tiny, *words, **environment).stdout.splitlines()
        assert lines[1:4] == [
            f"cluster  http://{name}:1",
            f"record   http://{name}:2",
            f"search   postgresql://{name}/x",
        ]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--queue", "--follow"], "--follow must be left out with --queue"),
        (["--priority", "3"], "--priority must stand with --queue"),
        (["--storage", "postgresql://a:S3cret@h/x"], "--storage must hold no password or token"),
    ],
)
def test_options_that_do_not_go_together_and_secrets_are_refused(tiny, words, sentence):
    ended = verb("submit", tiny, "--yes", "--address", nowhere(), *words)
    assert ended.exit_code == 2
    assert ended.stderr.startswith(sentence)
    assert "S3cret" not in ended.output


def test_without_any_address_the_sentence_says_how_to_keep_one(tiny):
    ended = verb("submit", tiny)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith("--address must be given, as http://HOST:8265")
    assert "`sweep use ADDRESS`" in ended.stderr


@pytest.mark.parametrize("words", [[], ["--queue"]])
def test_while_the_head_is_down_a_submission_is_refused(tiny, words):
    ended = verb("submit", tiny, "--yes", "--address", nowhere(), *words)
    assert ended.exit_code == 2
    assert ended.stderr.startswith("--address must be the job API of a running Ray cluster")
    assert len(ended.stderr.splitlines()) == 1
