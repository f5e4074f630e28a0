"""Tokenizers that are read, and those that cannot be or that know no word."""

import json

import pytest

from trainables.models.files.vocabulary import read_tokenizer


@pytest.mark.parametrize(
    "spoil",
    [
        lambda tree: tree["model"].update(vocab={"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3}),
        lambda tree: tree.update(normalizer={"type": "Replace", "pattern": {"Regex": r"\w"}, "content": "☃"}),
    ],
    ids=["no words", "words that are changed"],
)  # fmt: skip
def test_a_tokenizer_that_knows_no_word_is_refused(spoil, folder):
    tree = json.loads((folder / "tokenizer.json").read_text())
    spoil(tree)
    (folder / "tokenizer.json").write_text(json.dumps(tree))
    with pytest.raises(
        ValueError, match="must know the words of its vocabulary, but takes each for"
    ):
        read_tokenizer(folder)


def test_a_tokenizer_that_knows_words_of_another_language_alone_is_read(folder):
    tree = json.loads((folder / "tokenizer.json").read_text())
    words = ["<pad>", "<unk>", "<s>", "</s>", "<mask>", "狼", "鹿"]
    tree["model"]["vocab"] = {word: number for number, word in enumerate(words)}
    tree["added_tokens"] = []
    (folder / "tokenizer.json").write_text(json.dumps(tree))
    assert read_tokenizer(folder)("狼 鹿", add_special_tokens=False)["input_ids"] == [5, 6]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tokenizer_class": 7}, "tokenizer_class in tokenizer_config.json must be a class of transf"),
        ({"model_max_length": "x"}, "model_max_length in tokenizer_config.json must be a number of t"),
        (
            {"added_tokens_decoder": {"a": 1}},
            r"its tokenizer cannot be read \(TypeError: .*: mend tokenizer_config.json, or save it anew",
        ),
        (
            {"tokenizer_class": "Mine", "auto_map": {"AutoTokenizer": ["a.b", None]}},
            "its tokenizer cannot be read without code of its own, which is never run: give another model",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_read_is_told_by_its_file(settings, words, folder, written):
    written("tokenizer_config.json", **settings)
    with pytest.raises(ValueError, match=words) as caught:
        read_tokenizer(folder)
    assert "trust_remote_code" not in str(caught.value)


def test_an_unknown_class_is_refused_where_no_tokenizer_json_says_how_it_reads(folder, written):
    written("tokenizer_config.json", tokenizer_class="NoSuchTokenizer")
    (folder / "tokenizer.json").rename(folder / "vocab.json")
    with pytest.raises(
        ValueError, match="must be a class of transformers, but is 'NoSuchTokenizer'"
    ):
        read_tokenizer(folder)


@pytest.mark.parametrize(
    "name",
    ["PreTrainedTokenizerFast", "PreTrainedTokenizer", "TokenizersBackend", "ErnieTokenizer", None],
)
def test_a_class_is_taken_if_it_is_known_or_tokenizer_json_says_how_it_reads(name, folder, written):
    written("tokenizer_config.json", tokenizer_class=name)
    assert len(read_tokenizer(folder)) > 100
