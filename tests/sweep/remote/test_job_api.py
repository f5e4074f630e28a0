"""What is told of jobs, given what Ray's client answers; real heads are in test_jobs.py."""

from types import SimpleNamespace

import pytest

from sweep.queue.ray_jobs import _standing
from sweep.queue.scheduler import Ended
from sweep.remote import job_api
from sweep.remote.job_api import KnownSweep, NoJob, Unreachable

SECRET = f"hf_{'aB3' * 10}"
LOG = (
    "2026-11-28 23:39:55,245\tINFO job_manager.py:581 -- Runtime env is setting up.\n"
    "Running entrypoint for job tiny-1: python -m sweep run\n"
    f"\x1b[31mtoken {SECRET}\x1b[0m\n\nthere is no file x.csv.\n"
)


class Client:
    """Answers as Ray's client does."""

    def __init__(self, *jobs, log=LOG):
        self._jobs, self._log = jobs, log

    def list_jobs(self):
        return self._jobs

    def get_job_logs(self, job):
        if self._log is None:
            raise RuntimeError("Request failed with status code 500: no such file")
        return self._log


def details(id_, status="RUNNING", *, sweep="tiny", kind=None, began=0, code=None, message=""):
    metadata = {"sweep": sweep} | ({"kind": kind} if kind else {})
    return SimpleNamespace(
        submission_id=id_, status=SimpleNamespace(value=status), metadata=metadata, start_time=began,
        driver_exit_code=code, message=message,
    )  # fmt: skip


def test_jobs_are_listed_newest_first_without_drivers_that_nobody_has_submitted():
    client = Client(details("a", began=1), details(None, began=2), details("b", began=3))
    assert [job.id for job in job_api.jobs(client)] == ["b", "a"]


def test_the_job_of_a_sweep_is_its_newest_and_none_of_the_queue():
    client = Client(
        details("tiny-1", began=1), details("tiny-2", began=2), details("q", kind="queue", began=3)
    )
    assert job_api.job_of(client, "tiny").id == "tiny-2"
    assert job_api.job_of(client, "tiny-1").id == "tiny-1"
    with pytest.raises(NoJob, match="the cluster has no job of 'other', but of tiny: "):
        job_api.job_of(client, "other")


@pytest.mark.parametrize("resume", [False, True])
@pytest.mark.parametrize(
    ("job", "refused"),
    [
        (details("tiny-1", "RUNNING"), (True, True)),
        (details("tiny-1", "PENDING"), (True, True)),
        (details("tiny-1", "SUCCEEDED", code=0), (True, False)),
        (details("tiny-1", "FAILED", code=130), (True, False)),
        (details("tiny-1", "FAILED", code=2), (False, False)),  # it may have recorded nothing
        (details("q", "RUNNING", kind="queue"), (False, False)),
        (details("other-1", "RUNNING", sweep="other"), (False, False)),
    ],
)
def test_a_further_job_of_a_sweep_is_refused_if_it_could_only_fail(job, refused, resume):
    known = job_api.jobs(Client(job))
    if refused[resume]:
        with pytest.raises(KnownSweep, match="tiny-1"):
            job_api.refuse_known(known, "tiny", resume)
    else:
        job_api.refuse_known(known, "tiny", resume)


def test_why_a_job_has_failed_is_the_end_of_its_log_without_secrets_and_lines_of_ray():
    (job,) = job_api.jobs(client := Client(details("tiny-1", "FAILED", code=2)))
    assert job_api.why(client, job) == ["token ***", "there is no file x.csv."]
    (job,) = job_api.jobs(client := Client(details("tiny-1", "RUNNING")))
    assert job_api.why(client, job) == []


def test_without_a_log_it_is_what_ray_says():
    failed = details("tiny-1", "FAILED", message=f"the supervisor died\ntoken={SECRET}")
    (job,) = job_api.jobs(client := Client(failed, log=None))
    assert job_api.why(client, job) == ["the supervisor died", "token=***"]


@pytest.mark.parametrize(
    ("status", "code", "standing"),
    [
        *(("PENDING", None, "running"), ("RUNNING", None, "running")),
        ("SUCCEEDED", 0, 0),
        *(("FAILED", 1, 1), ("FAILED", 2, 2), ("FAILED", 130, 130), ("STOPPED", None, 130)),
        *(("FAILED", None, None), ("FAILED", 137, None), ("FAILED", -9, None)),
    ],
)
def test_a_job_ends_as_its_process_and_may_be_tried_again_if_that_was_killed(
    status, code, standing
):
    (job,) = job_api.jobs(client := Client(details("tiny-1", status, code=code)))
    found = _standing(job, client)
    assert (found.code if isinstance(found, Ended) else found) == standing


def test_a_job_that_the_cluster_does_not_have_is_unknown():
    assert _standing(None, Client()) == "unknown"


def test_whatever_the_client_raises_is_one_sentence_without_secrets():
    with (
        pytest.raises(Unreachable, match="does not say") as raised,
        job_api.reaching("http://127.0.0.1:9", "does not say"),
    ):
        raise AssertionError("nothing listens there")
    assert "--address must be the job API of a running Ray cluster" in str(raised.value)


@pytest.mark.parametrize(
    "address",
    ["http://127.0.0.1:8265", "http://localhost:8265", "http://[::1]:8265", "https://head"],
)
def test_the_token_goes_to_this_machine_and_over_tls_without_a_word(address, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(variable, raising=False)
    assert job_api.token_headers(address) == {}, "there is none"
    (tmp_path / ".ray").mkdir()
    (tmp_path / ".ray/auth_token").write_text("of the file\n")
    assert job_api.token_headers(address) == {"Authorization": "Bearer of the file"}
    (tmp_path / "other").write_text("of another file\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "other"))
    assert job_api.token_headers(address) == {"Authorization": "Bearer of another file"}
    monkeypatch.setenv("RAY_AUTH_TOKEN", "of the shell")
    assert job_api.token_headers(address) == {"Authorization": "Bearer of the shell"}
    assert job_api.token_headers("http://10.0.0.7:8265") == {}, "anybody could read it"
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert job_api.token_headers(address) == {}, "Ray adds it"
