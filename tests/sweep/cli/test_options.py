"""Rules of all verbs: the sweep and the store that are named must exist."""

import pytest

from tests.sweep.conftest import verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize("which", ["front", "resume"])
def test_an_unknown_sweep_is_one_sentence_that_lists_those_there_are(finished, which):
    ended = verb(which, "tny", SWEEP_HOME=str(finished / "sweeps"))
    assert ended.exit_code in (1, 2)
    assert len(ended.stderr.splitlines()) == 1
    assert "tiny" in ended.stderr


@pytest.mark.parametrize("uri", ["./mlruns", "file:./mlruns", "foo://bar"])
def test_an_address_that_is_no_store_is_one_sentence_for_every_verb(finished, uri):
    for words in (["ls"], ["status", "tiny"], ["front", "tiny"], ["pause", "tiny"]):
        ended = verb(*words, "--tracking-uri", uri, SWEEP_HOME=str(finished / "sweeps"))
        assert ended.exit_code == 2
        assert ended.stderr.startswith("the tracking URI must be http://HOST:PORT, sqlite:///FILE")


@pytest.mark.timeout(25)
@pytest.mark.parametrize("which", ["status", "pause", "resume", "retry", "front"])
def test_a_tracking_server_that_is_away_is_one_sentence_at_once(tmp_path, which):
    words = (which, "tiny", "--tracking-uri", "http://127.0.0.1:9")
    ended = verb(*words, SWEEP_HOME=str(tmp_path))
    assert ended.exit_code == 2
    assert ended.stderr.startswith(
        "the tracking server http://127.0.0.1:9 must be up, but does not"
    )
