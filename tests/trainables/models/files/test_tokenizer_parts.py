"""Files of a tokenizer that lack a part, or have one that is none."""

import json
import re

import pytest

from trainables.models.files.vocabulary import read_tokenizer

LEFT_OUT = object()
TOKENS = "must be a list of the tokens beside the vocabulary, which may be empty, but is"
VOCAB = "model.vocab in tokenizer.json must be the number of each word, or a list of words, but is"
TOKEN = "must be a word, or an object with its content, but is"
ID = "must be a number from 0 on, but is"


def refused(folder):
    """Return the sentence with which the tokenizer of a folder is refused, without its beginning."""
    with pytest.raises(ValueError, match="must hold a model") as caught:
        read_tokenizer(folder)
    beginning = f"{folder} must hold a model that transformers can load, but: "
    assert str(caught.value).startswith(beginning)
    assert len(str(caught.value)) < len(beginning) + 400
    return str(caught.value).removeprefix(beginning)


@pytest.mark.parametrize(
    ("keys", "value", "words"),
    [
        (["added_tokens"], LEFT_OUT, f"added_tokens in tokenizer.json {TOKENS} left out"),
        (["added_tokens"], {"a": 1}, f"added_tokens in tokenizer.json {TOKENS} {{'a': 1}}"),
        (["added_tokens"], [{"id": 1}], "each of added_tokens in tokenizer.json must be an object with"),
        (["added_tokens"], [{"content": "x", "id": "1"}], "each of added_tokens in tokenizer.json must"),
        (["model"], LEFT_OUT, "model in tokenizer.json must be an object with a vocab, but is left out"),
        (["model"], ["x"] * 10**6, "model in tokenizer.json must be an object with a vocab, but is ['x',"),
        (["model", "vocab"], LEFT_OUT, f"{VOCAB} left out"),
        (["model", "vocab"], "words", f"{VOCAB} 'words'"),
        (["model", "vocab"], {}, f"{VOCAB} {{}}"),
        (["model", "vocab", "the"], -1, f"the number of 'the' in tokenizer.json {ID} -1"),
        (["model", "vocab", "the"], 2**32, f"the number of 'the' in tokenizer.json {ID} 4294967296"),
        (["model", "type"], "Mine", "its tokenizer.json must be one that the tokenizers library reads, but"),
        (["decoder"], {}, "its tokenizer.json must be one that the tokenizers library reads, but: data did"),
        (["normalizer"], [1], "normalizer in tokenizer.json must be an object, or null, but is [1]"),
    ],
)  # fmt: skip
def test_a_part_of_tokenizer_json_that_is_none_is_named(keys, value, words, folder):
    tree = json.loads((folder / "tokenizer.json").read_text())
    *above, last = keys
    part = tree
    for key in above:
        part = part[key]
    if value is LEFT_OUT:
        del part[last]
    else:
        part[last] = value
    (folder / "tokenizer.json").write_text(json.dumps(tree))
    sentence = refused(folder)
    assert sentence.startswith(words)
    assert sentence.endswith(": save it anew by tokenizer.save_pretrained")


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ("", "tokenizer.json must be an object of JSON, but is empty"),
        ("[1]", "tokenizer.json must be an object of JSON, but is [1]"),
        ("[" * 100_000, "tokenizer.json must be JSON, but is none: it has too many levels"),
    ],
    ids=["empty", "a list", "deep"],
)
def test_a_tokenizer_json_that_is_no_object_is_named(contents, words, folder):
    (folder / "tokenizer.json").write_text(contents)
    assert refused(folder) == f"{words}: save it anew by tokenizer.save_pretrained"


@pytest.mark.parametrize("file", ["tokenizer_config.json", "special_tokens_map.json"])
@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("unk_token", 7, f"{TOKEN} 7"),
        ("unk_token", "", f"{TOKEN} ''"),
        ("bos_token", {"content": 7}, f"{TOKEN} {{'content': 7}}"),
        ("mask_token", ["<mask>"], f"{TOKEN} ['<mask>']"),
        ("additional_special_tokens", {"a": 1}, "must be a list of words, but is {'a': 1}"),
        ("extra_special_tokens", [1], "must be a list of words, but is [1]"),
    ],
)
def test_a_special_token_that_is_none_is_named_with_its_file(file, name, value, words, folder):
    tree = json.loads((folder / file).read_text()) if (folder / file).exists() else {}
    (folder / file).write_text(json.dumps(tree | {name: value}))
    assert refused(folder).startswith(f"{name} in {file} {words}: ")


def test_an_added_token_without_a_number_is_named(folder):
    (folder / "added_tokens.json").write_text(json.dumps({"<new>": None}))
    assert refused(folder).startswith(f"the number of '<new>' in added_tokens.json {ID} left out")


def test_special_tokens_are_read_as_words_as_objects_and_left_out(folder):
    token = {"content": "<unk>", "lstrip": False, "normalized": False, "single_word": False}
    names = {"unk_token": token, "bos_token": "<s>", "sep_token": None, "additional_special_tokens": ["<x>"]}  # fmt: skip
    (folder / "special_tokens_map.json").write_text(json.dumps(names))
    tokenizer = read_tokenizer(folder)
    assert (tokenizer.unk_token, tokenizer.bos_token) == ("<unk>", "<s>")
    assert re.fullmatch(r"<x>", tokenizer.convert_ids_to_tokens(len(tokenizer) - 1))
