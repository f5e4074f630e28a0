"""Rules of all verbs: the sweep and the store that are named must exist."""

import dataclasses

import pytest

from analysis.record import reader
from sweep.cli.answers.front import _not_registered
from tests.sweep.conftest import sweep, verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


@pytest.mark.parametrize(
    "words",
    [
        *("front tny", "resume tny", "retry tny"),
        *(
            pytest.param(words, marks=pytest.mark.long)
            for words in (
                *(
                    "status tny",
                    "compare tny base 1",
                    "pause tny",
                    "stop tny",
                    "cancel tny",
                    "sync tny",
                ),
            )
        ),
    ],
)
def test_an_unknown_sweep_is_one_sentence_that_lists_those_there_are(finished, words):
    ended = verb(*words.split(), SWEEP_HOME=str(finished / "sweeps"))
    assert ended.exit_code == 2
    assert len(ended.stderr.splitlines()) == 1
    assert "tiny" in ended.stderr


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        ("compare tiny base 99", 2, "sweep tiny has no trial 99; its trials are 0 to 3."),
        (
            "compare tiny base nine",
            2,
            "TRIAL must be the number of a trial or `base`, but got 'nine'",
        ),
        (
            "retry tiny --trial 99",
            2,
            "--trial must be a failed trial of tiny, but got 99: none has",
        ),
        ("retry tiny", 1, "no trial of tiny has failed that was not tried again."),
        ("pause tiny", 1, "tiny must be running to be paused, but is finished."),
        ("cancel tiny --trial 1", 1, "tiny must be running to be cancelled, but is finished."),
        (
            "front tiny --register --model-name a/b",
            2,
            "--model-name must have no / and no :, but got 'a/b'.",
        ),
        (
            "front tiny --out-dir /proc/x",
            2,
            "--out-dir must be a folder that can be written, but: ",
        ),
    ],
)
def test_what_is_wrong_has_code_two_and_what_cannot_be_done_has_one(
    finished, words, code, sentence
):
    ended = verb(*words.split(), SWEEP_HOME=str(finished / "sweeps"))
    assert (ended.exit_code, len(ended.stderr.splitlines())) == (code, 1), ended.stderr
    assert ended.stderr.startswith(sentence)


def test_models_that_cannot_be_registered_are_a_sentence_each_and_one_for_all(finished):
    ended = verb("front", "tiny", "--register", SWEEP_HOME=str(finished / "sweeps"))
    *refusals, last = ended.stderr.splitlines()
    assert ended.exit_code == 1
    assert refusals
    assert all("its model is not in the record" in sentence for sentence in refusals)
    assert last == "0 models are registered, and not all that were asked for."


def test_a_front_of_the_base_alone_has_no_model_to_register(finished):
    uri = f"sqlite:///{finished / 'sweeps' / 'mlflow.db'}"
    sweep_read = reader.read_sweep("tiny", tracking_uri=uri)
    best = {goal.name: goal.ideal - (goal.ideal == 0) for goal in sweep_read.goals}
    alone = dataclasses.replace(sweep_read, base=sweep_read.base | best)
    assert alone.front().empty
    assert _not_registered(alone, 0) == (
        "no model is registered, as the front of tiny has the base model alone, which you have."
    )
    assert _not_registered(sweep_read, 1).startswith("1 model is registered, and not all")


@pytest.mark.parametrize(
    "words", ["run {} --address 127.0.0.1:9", "submit {} --yes --address http://127.0.0.1:9"]
)
def test_a_cluster_that_is_away_has_one_code_whichever_verb_asks_it(tiny, tmp_path, words):
    """In processes of their own: the one of the tests may have joined a cluster."""
    ended = sweep(*words.format(tiny).split(), SWEEP_HOME=str(tmp_path / "sweeps"))
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("--address must be ")
    assert "Traceback" not in ended.stderr
    assert not (tmp_path / "sweeps/tiny").exists()


@pytest.mark.parametrize("uri", ["./mlruns", "file:./mlruns", "foo://bar"])
def test_an_address_that_is_no_store_is_one_sentence_for_every_verb(finished, uri):
    for words in (["ls"], ["status", "tiny"], ["front", "tiny"], ["pause", "tiny"]):
        ended = verb(*words, "--tracking-uri", uri, SWEEP_HOME=str(finished / "sweeps"))
        assert ended.exit_code == 2
        assert ended.stderr.startswith("the tracking URI must be http://HOST:PORT, sqlite:///FILE")


@pytest.mark.parametrize("which", ["ls", "status", "front", "sync", "resume", "retry"])
@pytest.mark.parametrize(
    "uri",
    [
        *("databricks", "databricks://bob:S3cret@prof", "postgresql://u:S3cret@127.0.0.1:1/x"),
        *("mysql://u:S3cret@127.0.0.1:1/x", "http://u:S3cret@127.0.0.1:1", "http://", "http://a b"),
        *("https://[::1", "sqlite://", "file:", " ", "http://127.0.0.1:1/\x1b[31m"),
    ],
)
def test_an_address_that_cannot_be_used_is_one_sentence_without_its_password(finished, which, uri):
    name = [] if which == "ls" else ["tiny"]
    ended = verb(which, *name, "--tracking-uri", uri, SWEEP_HOME=str(finished / "sweeps"))
    assert ended.exit_code == 2
    assert len(ended.stderr.splitlines()) == 1, ended.stderr
    assert "S3cret" not in ended.output
    assert "\x1b" not in ended.output


@pytest.mark.timeout(25)
@pytest.mark.parametrize("which", ["status", "pause", "resume", "retry", "front"])
def test_a_tracking_server_that_is_away_is_one_sentence_at_once(tmp_path, which):
    words = (which, "tiny", "--tracking-uri", "http://127.0.0.1:9")
    ended = verb(*words, SWEEP_HOME=str(tmp_path))
    assert ended.exit_code == 2
    assert ended.stderr.startswith(
        "the tracking server http://127.0.0.1:9 must be up, but does not"
    )
