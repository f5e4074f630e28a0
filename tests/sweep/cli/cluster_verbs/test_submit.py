"""The checks of `sweep submit`; a submitted sweep runs in tests/sweep/remote/test_jobs.py."""

import pytest

from tests.sweep.conftest import verb


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
