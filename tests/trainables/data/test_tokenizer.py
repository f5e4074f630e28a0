"""The tokenizer of a model: token ids, special tokens, and its digest."""

import json
import shutil
from pathlib import Path

import pytest
from tokenizers.processors import TemplateProcessing

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
        single="<s> $A", special_tokens=[("<s>", llama.tokenizer.start_id)]
    )
    inner.save(str(tokenizer_file))
    adds = LanguageModel(tmp_path, "causal")
    assert adds.tokenizer.hf(TEXTS[1])["input_ids"][0] == llama.tokenizer.start_id
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


def test_a_tokenizer_without_the_token_that_scoring_needs_is_one_clear_sentence(llama, tmp_path):
    llama.save(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    del settings["bos_token"]
    file.write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="must have a BOS token") as caught:
        LanguageModel(tmp_path, "causal")
    assert "eos_token" in str(caught.value)


def test_tokenizers_that_give_equal_ids_have_equal_digests(llama, bert, pieces_bert, edited):
    noisy = LanguageModel(edited("miniature-llama", noise=0.01), "causal")
    assert noisy.tokenizer.digest == llama.tokenizer.digest, "whatever the weights are"
    assert bert.tokenizer.digest == llama.tokenizer.digest, "both miniatures read the same words"
    assert pieces_bert.tokenizer.digest != bert.tokenizer.digest
