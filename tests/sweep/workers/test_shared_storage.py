"""An address that cannot be written, or that not all nodes see, is refused in one sentence."""

import subprocess
import sys

import pytest

from sweep.workers.shared_storage import why_not_shared


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "s3://nowhere/x",
            "must be kept where we can write, but s3://nowhere/x: FileNotFoundError: there is no bucket nowhere",
        ),
        (
            "s4://kept/x",
            "must be kept where we can write, but s4://kept/x: ValueError: Protocol not",
        ),
        ("/dev/null/x", "must be kept where we can write, but /dev/null/x: NotADirectoryError"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(url, sentence, s3, monkeypatch):
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    sentence_given = why_not_shared(url)
    assert sentence in sentence_given
    assert "\n" not in sentence_given


def test_a_missing_client_of_s3_is_one_sentence_with_what_brings_it():
    code = "import sys; sys.modules['s3fs'] = None; from sweep.workers.shared_storage import why_not_shared as why; print(why('s3://a/b'))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "`pip install -e '.[s3]'` brings s3fs" in said.stdout
    assert said.stdout.count("\n") == 1
