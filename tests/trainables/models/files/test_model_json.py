"""The JSON files of a model's folder, sound and broken."""

import math
import os
import re

import pytest

from trainables.models.files.model_json import read_object, written_config
from trainables.models.files.sentences import LONGEST_REASON

DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ("", "config.json must be an object of JSON, but is empty: give the folder that save_pretrained wr"),
        (" \n", "config.json must be an object of JSON, but is empty"),
        ("[1, 2]", "config.json must be an object of JSON, but is [1, 2]"),
        (DEEP, "config.json must be JSON, but is none: it has too many levels"),
        ('{"a": ' + DEEP + "]" * 100_000 + "}", "config.json must be JSON, but is none: it has too many"),
        ('{"a": NaN}', "config.json must be JSON, but is none: it has NaN, which is no number"),
        ('{"vocab_size": ' + "9" * 5000 + "}", "but is none: it has a number of more than"),
        (b"\xff\xfe{}", "config.json must be JSON, but is none: 'utf-8' codec can't decode byte 0xff"),
        ('{"model_type": ["llama"]}', "the model_type in its config.json must be a word, but is ['llama']"),
        ('{"model_type": 5}', "the model_type in its config.json must be a word, but is 5"),
        ('{"architectures": [null]}', "must be a list of words, but are [None]"),
        ('{"architectures": {"a": 1}}', "must be a list of words, but are {'a': 1}"),
        ('{"architectures": 5}', "must be a list of words, but are 5"),
        ('{"num_hidden_layers": 1000000}', "'num_hidden_layers' in its config.json must be at most 10000"),
        ('{"text_config": {"num_layers": 1000000}}', "'num_layers' in its config.json must be at most"),
        ('{"num_labels": 1000000000}', "'num_labels' in its config.json must be at most 1000000, but is 1"),
    ],
    ids=lambda value: repr(value[:30]),
)  # fmt: skip
def test_a_configuration_that_is_none_is_one_short_sentence(contents, words, tmp_path):
    file = tmp_path / "config.json"
    file.write_bytes(contents if isinstance(contents, bytes) else contents.encode())
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        written_config(tmp_path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{tmp_path} must be the folder of a model, with config.json,")
    assert "\n" not in sentence
    assert len(sentence) < len(str(tmp_path)) + LONGEST_REASON + 200


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda file: None, "it has no config.json"),
        (lambda file: file.symlink_to(file.parent / "absent"), "it has no config.json"),
        (os.mkfifo, "config.json must be a file, but is none"),
        (os.mkdir, "config.json must be a file, but is a folder"),
        (
            lambda file: file.write_bytes(b" " * (8 * 2**20 + 1)),
            "config.json must have at most 8388608 bytes, but has 8388609",
        ),
        (
            lambda file: file.symlink_to(file),
            "config.json must be a file that can be read, but: Too many levels of symbolic links",
        ),
    ],
    ids=["none", "a link to nothing", "a pipe", "a folder", "a large file", "a link to itself"],
)
def test_a_folder_without_a_configuration_is_one_sentence(make, words, tmp_path):
    make(tmp_path / "config.json")
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        written_config(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} must be the folder of a model, with config.json, safetensors and a tokenizer, but: "
        f"{words}: give the folder that save_pretrained wrote."
    )


def test_what_is_written_is_returned_as_it_is(tmp_path):
    """As of Mamba 2, which has a limit of infinity."""
    (tmp_path / "config.json").write_text('{"time_step_limit": [0.0, Infinity, -Infinity]}')
    assert written_config(tmp_path) == {"time_step_limit": [0.0, math.inf, -math.inf]}
    with pytest.raises(FileNotFoundError):
        read_object(tmp_path / "absent.json")
