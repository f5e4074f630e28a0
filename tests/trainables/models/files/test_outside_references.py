"""Folders whose files would lead a library to other folders, to the Hub, or to code."""

import json
import os
import re
import shutil

import pytest

from trainables.models.files.model_json import OBJECTS
from trainables.models.files.outside_references import is_plain, refuse_outside_references
from trainables.models.folder import read_model


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("a.safetensors", True),
        ("model-00001-of-00002.safetensors", True),
        ("../a.safetensors", False),
        ("/a.safetensors", False),
        ("sub/a.safetensors", False),
        ("..\\a.safetensors", False),
        (".a.safetensors", False),
        ("a\0.safetensors", False),
        (5, False),
        (None, False),
    ],
)
def test_a_plain_name_is_that_of_a_visible_file_beside(name, plain):
    assert is_plain(name) == plain


@pytest.mark.parametrize(
    ("file", "settings", "words"),
    [
        ("config.json", {"configuration_files": ["config.4.0.0.json"]}, "has configuration_files"),
        (
            "config.json",
            {"attn_implementation": "kernels-community/flash-attn"},
            "'attn_implementation' in its config.json must name no kernel, but is 'kernels-comm",
        ),
        (
            "config.json",
            {"_attn_implementation": {"text_config": "owner/kernel"}},
            "'_attn_implementation' in its config.json must name no kernel",
        ),
        (
            "tokenizer_config.json",
            {"fast_tokenizer_files": ["../other/tokenizer.1.0.json"]},
            "must be names of files beside it, but is ['../other/tokenizer.1.0.json']",
        ),
        ("tokenizer_config.json", {"fast_tokenizer_files": 5}, "must be names of files beside it"),
        ("tokenizer_config.json", {"init_inputs": ["/etc/passwd"]}, "must have no init_inputs"),
    ],
    ids=str,
)
def test_a_setting_that_leads_elsewhere_is_one_sentence(file, settings, words, folder, written):
    written(file, **settings)
    with pytest.raises(ValueError, match=re.escape(words)) as caught:
        read_model(folder, "causal", weightless=True)
    assert str(caught.value).startswith(
        f"{folder} must hold a model that transformers can load, but:"
    )


@pytest.mark.parametrize("contents", ["[1]", "[" * 100_000, '{"a": NaN}'], ids=lambda c: c[:9])
@pytest.mark.parametrize("name", OBJECTS)
def test_broken_settings_are_one_sentence_that_names_their_file(name, contents, folder):
    (folder / f"{name}.json").write_text(contents)
    with pytest.raises(ValueError, match=rf"transformers can load, but: {name}\.json must be"):
        read_model(folder, "causal", weightless=True)


def test_the_folder_of_an_adapter_is_refused_before_its_base_is_looked_for(folder):
    adapter = {"base_model_name_or_path": "/nowhere/at/all", "peft_type": "LORA"}
    (folder / "adapter_config.json").write_text(json.dumps(adapter))
    with pytest.raises(
        ValueError, match=r"must hold a whole model, but its adapter_config.json makes"
    ):
        read_model(folder, "causal", weightless=True)


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "file",
    ["tokenizer.json", "model.safetensors", "chat_template.jinja", "additional_chat_templates/a"],
)
def test_a_pipe_in_a_folder_is_not_read(file, folder):
    (folder / file).parent.mkdir(exist_ok=True)
    (folder / file).unlink(missing_ok=True)
    os.mkfifo(folder / file)
    with pytest.raises(ValueError, match="must be a file, but is a pipe, a socket or a device"):
        read_model(folder, "causal", weightless=True)


@pytest.mark.parametrize(
    ("file", "most"),
    [
        *((name, 64 * 2**20) for name in ("tokenizer.json", "vocab.txt", "merges.txt")),
        *((name, 64 * 2**20) for name in ("tokenizer.model", "qwen.tiktoken", "vocab.bpe")),
        *((name, 2**20) for name in ("chat_template.jinja", "additional_chat_templates/a.jinja")),
    ],
)
def test_a_text_far_larger_than_that_of_any_model_is_not_read(file, most, folder):
    (folder / file).parent.mkdir(exist_ok=True)
    with (folder / file).open("wb") as stream:
        stream.truncate(most + 1)
    with pytest.raises(
        ValueError, match=f"must have at most {most} bytes, but has {most + 1}: take"
    ):
        read_model(folder, "causal", weightless=True)


def test_paths_that_a_tokenizer_was_saved_from_are_not_followed(folder, written, tmp_path):
    """Many published tokenizers have such paths, of the machine on which they were saved."""
    other = tmp_path / "other.json"
    shutil.copy(folder / "tokenizer.json", other)
    other.write_text(other.read_text().replace('"nurse"', '"NURSE"'))
    config = written("config.json", _name_or_path="owner/model")
    written(
        "tokenizer_config.json", tokenizer_file=str(other), special_tokens_map_file=str(other),
        vocab_file=str(other), name_or_path="owner/model",
        auto_map={"AutoTokenizer": ["evil.Tokenizer", None]},
    )  # fmt: skip
    refuse_outside_references(folder, config)
    tokenizer, _ = read_model(folder, "causal", weightless=True)
    assert "nurse" in tokenizer.get_vocab()
    assert "NURSE" not in tokenizer.get_vocab()
