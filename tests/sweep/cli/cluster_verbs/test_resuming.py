"""Where `sweep resume` goes on: here, or at the cluster that has run the sweep."""

import pytest

from sweep import workspace
from sweep.cli.cluster_verbs.resuming import job_api_for, say_if_gone
from sweep.cli.run import _services
from sweep.remote import addresses
from tests.gateway import job_api
from tests.servers import free_port
from tests.sweep.conftest import verb

JOBS = "http://head:8265"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path))


def test_a_sweep_is_resumed_where_it_was_run():
    assert job_api_for("tiny", None) is None, "no cluster is known"
    addresses.keep(addresses.cluster(JOBS))
    assert job_api_for("tiny", None) == JOBS
    assert job_api_for("tiny", "http://other:1/") == "http://other:1"
    assert job_api_for("tiny", "auto") is None, "a driver here joins that cluster"
    workspace.spec("tiny").parent.mkdir()
    workspace.spec("tiny").write_text("name: tiny\n")
    assert job_api_for("tiny", None) is None


def test_a_sweep_that_is_not_recorded_is_not_resumed_anywhere(tmp_path):
    addresses.keep(addresses.cluster(f"http://127.0.0.1:{free_port()}"))
    ended = verb("resume", "tiny")
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("jobs", "is_gone"),
    [
        ([], True),
        ([("tiny-1", "FAILED", 1)], True),
        ([("tiny-1", "FAILED", 1), ("tiny-2", "RUNNING", None)], False),
    ],
)
def test_that_no_job_runs_a_sweep_which_is_to_go_on_is_said(capsys, jobs, is_gone):
    with job_api(jobs) as api:
        say_if_gone("tiny", api.url)
    said = capsys.readouterr().err
    assert said.startswith("but the cluster runs no job of tiny: its driver may be gone") == is_gone
    assert bool(said) == is_gone


def test_a_new_sweep_takes_the_kept_services_and_says_so(capsys):
    assert _services(None, None) == (None, None)
    addresses.keep(addresses.cluster(JOBS, "http://head:5000", "postgresql://head/x"))
    assert _services(None, "postgresql://other/x") == ("http://head:5000", "postgresql://other/x")
    assert _services("http://other:5000", None) == ("http://other:5000", "postgresql://head/x")
    assert capsys.readouterr().err.splitlines() == [
        "recorded in http://head:5000, as `sweep use` has it.",
        "searched in postgresql://head/x, as `sweep use` has it.",
    ]
