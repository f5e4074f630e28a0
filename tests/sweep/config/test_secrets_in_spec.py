"""A secret in a spec is refused with its line, however it is written, and not shown."""

import re

import pytest

from tests.sweep.config.test_check import refusal
from tests.sweep.conftest import TINY


@pytest.mark.parametrize(
    "secret", [f"hf_{'aB3' * 10}", "postgresql://me:S3cret@host/db", "plainword77"]
)
def test_a_secret_anywhere_in_a_spec_is_refused_and_not_shown(tmp_path, monkeypatch, secret):
    monkeypatch.setenv("MY_TOKEN", "plainword77")
    (sentence,) = refusal(tmp_path, TINY.replace("name: tiny", f"name: tiny  # as {secret} has it"))
    assert sentence.startswith(":1: must hold no secret, as the record gets the spec as it is, but")
    assert re.search(r"# as \S*\*\*\*\S* has it", sentence)
    assert secret not in sentence


@pytest.mark.parametrize(
    "path",
    [
        r'"./plain\x77ord77"',
        r'"./plain\u0077ord77"',
        "'./it''s2fast9it'",
    ],
)
def test_a_secret_that_is_written_with_escapes_is_refused(tmp_path, monkeypatch, path):
    monkeypatch.setenv("MY_TOKEN", "plainword77")
    monkeypatch.setenv("OTHER_TOKEN", "it's2fast9it")
    file = f"{path[:-1]}.txt{path[-1]}"
    text = TINY.replace("data: miniature, limit: 20", f"data: {file}, label: general")
    sentence, of_item = refusal(tmp_path, text.replace("path: miniature-llama", f"path: {path}"))
    assert of_item.startswith(":12: must hold no secret")
    assert sentence.startswith(":3: must hold no secret, as the record gets the spec as it is, but")
    assert "ord77" not in sentence
    assert "fast" not in sentence


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        ("# AWS_SECRET_ACCESS_KEY:\n# wJalrXUtnFEMI\nname: tiny", ":2: "),
        ("# as:\n#   api_keys:\n#     - abcd1234efgh5678ijkl\nname: tiny", ":3: "),
        (
            "#\n# -----BEGIN PRIVATE KEY-----\n# abc\n# -----END PRIVATE KEY-----\nname: tiny",
            ":2: ",
        ),
    ],
)
def test_a_secret_over_several_lines_is_refused_too(tmp_path, lines, number):
    sentences = refusal(tmp_path, TINY.replace("name: tiny", lines))
    assert any(fault.startswith(f"{number}must hold no secret") for fault in sentences), sentences


@pytest.mark.parametrize(
    "written",
    [
        'path:\n      "./corr\\x48orse99zz"',
        'path: &a\n      "./corr\\x48orse99zz"',
        'path: "./corr\\x48orse99zz\n      and more"',
    ],
)
def test_a_secret_is_refused_wherever_yaml_lets_it_stand(written, tmp_path, monkeypatch):
    monkeypatch.setenv("SVC_TOKEN", "corrHorse99zz")
    sentences = refusal(tmp_path, TINY.replace("{path: miniature-llama}", f"\n    {written}"))
    assert any("must hold no secret" in sentence for sentence in sentences), sentences
    assert "orse99zz" not in "".join(sentences)
