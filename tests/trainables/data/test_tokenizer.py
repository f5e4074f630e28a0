"""The tokenizer of a model: token ids, special tokens, and its digest."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers.processors import TemplateProcessing

from trainables.data.opening import Opening
from trainables.data.tokenizer import Tokenizer
from trainables.models import miniature
from trainables.models.language_model import LanguageModel
from trainables.scoring.likelihood import log_probs, queries_of

TEXTS = ["the nurse said that she was tired", "the wolf eats deer"]


def likelihoods(model):
    return log_probs(
        model, [queries_of(model.tokenizer, ids) for ids in model.tokenizer.encode(TEXTS)]
    )


def test_token_ids_carry_no_special_tokens(model):
    tokens = model.tokenizer.hf.convert_ids_to_tokens(model.tokenizer.encode(TEXTS)[1])
    assert tokens == ["the", "wolf", "eats", "deer"]
    assert model.tokenizer.encode([]) == []


def test_a_start_token_that_the_tokenizer_adds_by_itself_changes_nothing(llama, tmp_path):
    # As Llama 3 does: the start token must be read once and never be scored.
    tokenizer = llama.tokenizer.hf
    llama.save(tmp_path)
    tokenizer_file = tmp_path / "tokenizer.json"
    inner = type(tokenizer.backend_tokenizer).from_file(str(tokenizer_file))
    inner.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", llama.tokenizer.start_ids[0])]
    )
    inner.save(str(tokenizer_file))
    adds = LanguageModel(tmp_path, "causal")
    assert adds.tokenizer.hf(TEXTS[1])["input_ids"][0] == llama.tokenizer.start_ids[0]
    assert adds.tokenizer.encode(TEXTS) == llama.tokenizer.encode(TEXTS)
    assert likelihoods(adds) == likelihoods(llama)


def test_a_tokenizer_knows_whether_it_adds_a_start_token(llama):
    bare = LanguageModel(miniature.folder("miniature-llama"), "causal")
    bare.tokenizer.hf.backend_tokenizer.post_processor = TemplateProcessing(single="$A")
    assert llama.tokenizer.adds_start
    assert not bare.tokenizer.adds_start
    assert bare.tokenizer.encode(["the wolf"]) == llama.tokenizer.encode(["the wolf"])


def test_a_tokenizer_of_more_tokens_than_the_model_has_is_refused(tmp_path):
    folder = Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    number = len(tokenizer["model"]["vocab"])
    tokenizer["model"]["vocab"]["zebra"] = number
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match=f"no more tokens than the model's {number}, but knows"):
        LanguageModel(folder, "causal")


def test_a_tokenizer_whose_numbers_go_beyond_the_model_is_refused(tmp_path):
    folder = Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    vocabulary = tokenizer["model"]["vocab"]
    vocabulary[max(vocabulary, key=vocabulary.get)] = 10**6
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(
        ValueError, match=r"must number its tokens below .* one of number 1000000\."
    ):
        LanguageModel(folder, "causal")


@pytest.mark.parametrize("longest", [-5, 0, float("nan"), "many", [5]])
def test_a_length_that_is_none_is_one_clear_sentence(longest, llama):
    llama.tokenizer.hf.model_max_length, before = longest, llama.tokenizer.hf.model_max_length
    try:
        with pytest.raises(
            ValueError, match=r"model_max_length in tokenizer_config.json of .* must be"
        ):
            Tokenizer(llama.tokenizer.hf, llama.path, "causal", vocab_size=300, num_positions=64)
    finally:
        llama.tokenizer.hf.model_max_length = before


def without(model, token, folder):
    """Write a model into a folder, its tokenizer without this special token."""
    model.save(folder)
    file = folder / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    del settings[token]
    file.write_text(json.dumps(settings))
    return folder


def test_a_masked_tokenizer_without_the_token_that_scoring_needs_is_one_clear_sentence(
    bert, tmp_path
):
    with pytest.raises(ValueError, match="must have a CLS token") as caught:
        LanguageModel(without(bert, "cls_token", tmp_path), "masked")
    assert "sep_token" in str(caught.value)


def test_a_masked_tokenizer_without_special_tokens_or_mask_is_one_clear_sentence(bert, tmp_path):
    without(bert, "mask_token", tmp_path)
    with pytest.raises(ValueError, match="must have a MASK token, which a masked model's"):
        LanguageModel(tmp_path, "masked")
    file = tmp_path / "tokenizer_config.json"
    settings = {k: v for k, v in json.loads(file.read_text()).items() if "_token" not in k}
    file.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match=r"must have a CLS token, .* but has no special tokens\."):
        LanguageModel(tmp_path, "masked")


def test_the_end_of_text_stands_in_where_a_causal_tokenizer_has_no_start(llama, tmp_path):
    tokenizer = LanguageModel(without(llama, "bos_token", tmp_path), "causal").tokenizer
    assert tokenizer.start_ids == (tokenizer.hf.eos_token_id,) == (tokenizer.harness_start_id,)


def test_the_opening_of_texts_leaves_the_start_of_the_harness_alone(llama):
    tokenizer = LanguageModel(llama.path, "causal", Opening("none")).tokenizer
    assert (tokenizer.start_ids, tokenizer.harness_start_id) == (
        (),
        llama.tokenizer.hf.bos_token_id,
    )


def test_tokenizers_that_give_equal_ids_have_equal_digests(llama, bert, pieces_bert, edited):
    noisy = LanguageModel(edited("miniature-llama", noise=0.01), "causal")
    assert noisy.tokenizer.digest == llama.tokenizer.digest, "whatever the weights are"
    assert bert.tokenizer.digest == llama.tokenizer.digest, "both miniatures read the same words"
    assert pieces_bert.tokenizer.digest != bert.tokenizer.digest
