"""Token ids without transformers agree with those of the miniatures' tokenizers."""

import json

import pytest

from trainables.data.quick_ids import may_not_know, quick_ids

TEXTS = ["the wolf eats deer", "The nurse, she said .", "unknown words of it", ""]


def test_the_ids_are_those_of_the_models_tokenizer(model):
    assert quick_ids(model.path, TEXTS) == model.tokenizer.encode(TEXTS)


def test_a_tokenizer_of_words_may_not_know_one_and_that_of_bytes_knows_all(model, tmp_path):
    assert may_not_know(model.path)
    assert not may_not_know(tmp_path), "only transformers can tell"
    tree = json.loads((model.path / "tokenizer.json").read_text())
    tree["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False}
    (tmp_path / "tokenizer.json").write_text(json.dumps(tree))
    assert not may_not_know(tmp_path)


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path):
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match=r"tokenizer\.json of .* is not read"):
        quick_ids(tmp_path, TEXTS)
