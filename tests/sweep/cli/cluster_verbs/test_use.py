"""`sweep use` keeps, shows and forgets addresses, and no secrets."""

import pytest

from tests.sweep.conftest import verb


@pytest.fixture
def call(tmp_path):
    return lambda *words: verb("use", *words, SWEEP_HOME=str(tmp_path))


def test_addresses_are_kept_shown_and_forgotten(call):
    assert call().stdout == "no addresses are kept: `sweep use ADDRESS` keeps those of a cluster.\n"
    kept = call("http://head:8265", "--tracking-uri", "http://head:5000")
    assert kept.exit_code == 0
    shown = call().stdout
    assert kept.stdout == shown
    assert shown.splitlines() == [
        "job API  http://head:8265",
        "MLflow   http://head:5000",
        "search   not named: a journal of each sweep, on the head",
    ]
    assert call("--forget").stdout == "no addresses are kept any more.\n"
    assert call("--forget").stdout == "no addresses were kept.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["http://bob:S3cret@head"], "--address must hold no user name, password or token"),
        (["http://h", "--storage", "postgresql://a:S3cret@h/x"], "--storage must hold no password"),
        (["--tracking-uri", "http://h"], "ADDRESS must be given with --tracking-uri"),
        (["http://h", "--forget"], "--forget must stand alone"),
        (["h:8265"], "--address must be http://HOST:PORT of the job API, but got 'h:8265'."),
    ],
)
def test_what_cannot_be_kept_is_one_sentence_without_secrets(call, tmp_path, words, sentence):
    ended = call(*words)
    assert ended.exit_code == 2
    assert ended.stderr.startswith(sentence)
    assert "S3cret" not in ended.output
    assert list(tmp_path.iterdir()) == []
