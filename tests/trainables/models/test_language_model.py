"""A model, its tokenizer, and the base that it started from."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch
from torch.nn.functional import log_softmax

from trainables.data.queries import Query
from trainables.models import miniature
from trainables.models.forward import token_nll
from trainables.models.language_model import LanguageModel
from trainables.models.loading import load
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
    for buffer, kept in zip(model.module.buffers(), model.base.buffers(), strict=True):
        assert torch.equal(buffer, kept)


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


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (
            {"num_hidden_layers": 3},
            "must be those that its config.json describes, but 9 are missing",
        ),
        ({"vocab_size": 10}, "of another shape, model.embed_tokens.weight"),
        ({"model_type": "nonsense"}, "must hold a model that transformers can load, but"),
    ],
)
def test_a_folder_whose_parts_do_not_fit_is_refused(broken, said, tmp_path):
    folder = copied(tmp_path)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | broken))
    with pytest.raises(ValueError, match=re.escape(said)):
        LanguageModel(folder, "causal")


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_file_that_was_cut_short_is_one_sentence_about_its_folder(file, tmp_path):
    folder = copied(tmp_path)
    whole = (folder / file).read_bytes()
    (folder / file).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="must hold a model that transformers can load, but"):
        LanguageModel(folder, "causal")


def copied(tmp_path):
    return Path(shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model"))


def test_the_nll_of_tokens_is_their_log_softmax_with_the_sign_turned(llama):
    texts = llama.batch([Query([5, 6, 7], {0: 6, 2: 9}), Query([8], {0: 9})])
    logits = torch.randn(3, llama.tokenizer.vocab_size, generator=torch.Generator().manual_seed(0))
    log_p = log_softmax(logits.double(), -1)
    expected = [-log_p[0, 6], -log_p[1, 9], -log_p[2, 9]]
    assert token_nll(logits, texts).tolist() == pytest.approx([float(x) for x in expected])
    assert token_nll(logits.bfloat16(), texts).dtype == torch.float32


def test_a_bf16_model_predicts_nearly_as_in_fp32(model):
    expected = [value for group in likelihoods(model) for value in group]
    model.reset("bf16")
    found = [value for group in likelihoods(model) for value in group]
    assert found == pytest.approx(expected, abs=0.3)
    assert found != expected


def test_a_process_keeps_the_model_that_it_has_loaded():
    assert load("miniature-llama", "causal") is load("miniature-llama", "causal")


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_a_model_of_the_other_family_is_one_clear_sentence(name, family):
    other = {"causal": "masked", "masked": "causal"}[family]
    with pytest.raises(ValueError, match=f"holds a {family} model: family must be '{family}'"):
        LanguageModel(miniature.folder(name), other)


def test_a_folder_without_a_model_is_one_clear_sentence(tmp_path):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ValueError, match="must be the folder of a model") as caught:
            LanguageModel(folder, "causal")
        assert str(folder) in str(caught.value)
        assert "\n" not in str(caught.value)
    (tmp_path / "config.json").write_text("[1")
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ValueError, match="must be the folder of a model"):
        LanguageModel(tmp_path, "causal")


def test_code_in_a_models_folder_is_not_run(llama, tmp_path):
    llama.save(tmp_path)
    (tmp_path / "evil.py").write_text(f"open({str(tmp_path / 'made')!r}, 'w')\nclass Model: pass\n")
    config = json.loads((tmp_path / "config.json").read_text())
    config["auto_map"] = {"AutoModelForCausalLM": "evil.Model", "AutoConfig": "evil.Model"}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert likelihoods(LanguageModel(tmp_path, "causal")) == likelihoods(llama)
    assert not (tmp_path / "made").exists()


def test_models_of_other_weights_have_other_digests(llama, edited):
    noisy = LanguageModel(edited("miniature-llama", noise=0.01), "causal")
    assert noisy.digest != llama.digest


def test_a_folder_that_is_written_anew_is_read_anew(llama, tmp_path):
    llama.reset("fp32")
    llama.save(tmp_path)
    first = load(str(tmp_path), "causal")
    assert load(str(tmp_path), "causal") is first
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.add_(1.0)
    llama.save(tmp_path)
    second = load(str(tmp_path), "causal")
    weights = zip(first.module.parameters(), second.module.parameters(), strict=True)
    assert all(torch.allclose(after, before + 1) for before, after in weights)
