"""A model, its tokenizer, and the base that it started from."""

import json
import os
import shutil
import stat
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from trainables.models import miniature
from trainables.models.language_model import LanguageModel
from trainables.scoring.likelihood import log_probs, queries_of

TEXTS = ["the nurse said that she was tired", "the wolf eats deer"]


def weights(module):
    return {name: weight.detach().clone() for name, weight in module.named_parameters()}


def same(one, other):
    return all(torch.equal(one[name], other[name]) for name in one) and one.keys() == other.keys()


def likelihoods(model):
    return log_probs(
        model, [queries_of(model.tokenizer, ids) for ids in model.tokenizer.encode(TEXTS)]
    )


def test_a_saved_model_is_read_back_to_the_bit(model, tmp_path):
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.add_(0.01 * torch.randn_like(weight))
    model.save(tmp_path)
    again = LanguageModel(tmp_path, model.family)
    assert same(weights(again.module), weights(model.module))
    assert again.tokenizer.encode(TEXTS) == model.tokenizer.encode(TEXTS)
    assert likelihoods(again) == likelihoods(model)


def test_resetting_puts_the_base_weights_back_into_fresh_memory(model):
    base = weights(model.base)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.fill_(2)
            weight.grad = torch.ones_like(weight)
        for buffer in model.module.buffers():
            if buffer.is_floating_point():
                buffer.mul_(2)
    owned_by_an_engine = [weight.data for weight in model.module.parameters()]
    model.reset("fp32")
    assert same(weights(model.module), base)
    assert all(weight.grad is None for weight in model.module.parameters())
    assert all(torch.all(old == 2) for old in owned_by_an_engine)
    for buffer, base_buffer in zip(model.module.buffers(), model.base.buffers(), strict=True):
        assert torch.equal(buffer, base_buffer)


def test_resetting_to_bf16_rounds_and_back_to_fp32_does_not(model):
    base = weights(model.base)
    model.reset("bf16")
    assert {weight.dtype for weight in model.module.parameters()} == {torch.bfloat16}
    assert same(weights(model.module), {name: weight.bfloat16() for name, weight in base.items()})
    model.reset("fp32")
    assert same(weights(model.module), base)


def test_the_base_is_frozen_and_stays_when_the_model_moves(model):
    base = weights(model.base)
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    assert same(weights(model.base), base)
    assert not any(weight.requires_grad for weight in model.base.parameters())
    assert not model.base.training
    model.reset("fp32")


def test_base_logits_are_the_models_own_at_the_start_and_have_no_gradient(model):
    query = queries_of(model.tokenizer, model.tokenizer.encode(TEXTS)[0])[0]
    texts = model.batch([query])
    model.module.eval()
    assert torch.equal(model.base_logits(texts), model.logits(texts))
    assert model.logits(texts).requires_grad
    assert not model.base_logits(texts).requires_grad


def test_rounding_is_no_movement_away_from_the_base(model):
    model.reset("bf16")
    model.module.eval()
    texts = model.batch([queries_of(model.tokenizer, model.tokenizer.encode(TEXTS)[0])[0]])
    assert torch.equal(model.base_logits(texts), model.logits(texts))
    assert same(weights(model.base_in_dtype), weights(model.module))
    assert {weight.dtype for weight in model.base.parameters()} == {torch.float32}
    model.reset("fp32")
    assert model.base_in_dtype is model.base


def test_a_tokenizer_of_more_tokens_than_the_model_has_is_refused(tmp_path):
    folder = copied(tmp_path)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    number = len(tokenizer["model"]["vocab"])
    tokenizer["model"]["vocab"]["zebra"] = number
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ValueError, match=f"no more tokens than the model's {number}, but knows"):
        LanguageModel(folder, "causal")


def copied(tmp_path):
    return Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))


def test_a_bf16_model_predicts_nearly_as_in_fp32(model):
    expected = [value for group in likelihoods(model) for value in group]
    model.reset("bf16")
    actual = [value for group in likelihoods(model) for value in group]
    assert actual == pytest.approx(expected, abs=0.3)
    assert actual != expected


def test_a_digest_tells_weights_apart_and_a_tokenizer_digest_does_not(llama, bert, edited):
    noisy = LanguageModel(edited("miniature-llama", noise=0.01), "causal")
    assert noisy.digest != llama.digest
    assert noisy.tokenizer.digest == llama.tokenizer.digest
    assert bert.tokenizer.digest == llama.tokenizer.digest, "both miniatures read the same words"


@pytest.mark.parametrize(
    ("name", "family", "head", "words"),
    [
        ("miniature-llama", "causal", "lm_head.weight", "model.embed_tokens.weight"),
        (
            "miniature-bert",
            "masked",
            "cls.predictions.decoder.weight",
            "bert.embeddings.word_embeddings.weight",
        ),
    ],
)
def test_a_model_whose_files_untie_its_head_is_saved_as_one_without_ties(
    name, family, head, words, tmp_path
):
    folder = Path(shutil.copytree(miniature.folder(name), tmp_path / "model"))
    tensors = load_file(folder / "model.safetensors")
    noise = torch.randn(tensors[words].shape, generator=torch.Generator().manual_seed(0))
    save_file(tensors | {head: tensors[words] + noise}, folder / "model.safetensors")
    model = LanguageModel(folder, family)
    (saved := tmp_path / "saved").mkdir()
    model.save(saved)
    assert json.loads((saved / "config.json").read_text())["tie_word_embeddings"] is False
    auto_class = {
        "causal": transformers.AutoModelForCausalLM,
        "masked": transformers.AutoModelForMaskedLM,
    }[family]
    plain, loading = auto_class.from_pretrained(saved, output_loading_info=True)
    assert not loading["missing_keys"]
    ids = torch.tensor([[1, 5, 7, 9]])
    expected = model.module.eval()(input_ids=ids.to(model.device)).logits.cpu()
    assert torch.equal(plain.eval()(input_ids=ids).logits, expected)


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_the_files_of_a_saved_model_have_the_modes_of_the_umask(umask, mode, llama, tmp_path):
    before = os.umask(umask)
    try:
        llama.save(tmp_path)
    finally:
        os.umask(before)
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()}
    assert "model.safetensors" in modes
    assert set(modes.values()) == {mode}
