"""What the base says of rows that come again."""

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from tests.conformance import perturb, queries, text_predictions
from trainables.models import base_cache
from trainables.models.base_cache import logits_are_head_output
from trainables.models.language_model import LanguageModel


@pytest.fixture
def fresh(model, own_cache):
    """A model that has asked its base nothing yet, and an empty cache."""
    return LanguageModel(model.path, model.family)


def files(folder):
    return sorted(file for file in (folder / "reference").rglob("*") if file.is_file())


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_it_is_the_bases_own_answer_wherever_the_model_has_gone(dtype, fresh):
    fresh.reset(dtype)
    asked = queries(fresh)
    expected = fresh.base_logits(fresh.batch(asked)).float()
    perturb(fresh, 0.5)
    found = fresh.base_cache.logits(asked).float()
    assert torch.allclose(found, expected, atol={"fp32": 1e-4, "bf16": 0.3}[dtype])


def test_what_is_kept_are_states_of_each_row_and_never_logits(fresh, own_cache):
    asked = queries(fresh)
    fresh.base_cache.logits(asked)
    assert len(files(own_cache)) == len(asked)
    width = fresh.module.config.hidden_size
    numbers = sum(len(query.targets) for query in asked) * width
    assert sum(file.stat().st_size for file in files(own_cache)) < 4 * numbers + 200 * len(asked)


def test_another_process_finds_the_same_bits_and_computes_nothing(fresh, own_cache):
    asked = queries(fresh)
    expected = fresh.base_cache.logits(asked)
    again = LanguageModel(fresh.path, fresh.family)
    base = again.base_cache.base
    calls = []
    base.register_forward_hook(lambda *_: calls.append(1))
    assert torch.equal(again.base_cache.logits(asked), expected)
    assert not calls
    stamps = [file.stat().st_mtime_ns for file in files(own_cache)]
    again.base_cache.logits(asked[::-1])
    assert [file.stat().st_mtime_ns for file in files(own_cache)] == stamps


def test_a_row_is_the_same_to_the_bit_whatever_was_asked_with_it(fresh, own_cache):
    one, *others = queries(fresh)
    together = fresh.base_cache.logits([*others, one])[-len(one.targets) :]
    for file in files(own_cache):
        file.unlink()
    again = LanguageModel(fresh.path, fresh.family)
    alone = again.base_cache.logits([one])
    assert torch.allclose(alone, together, atol=1e-6)
    states = again.base_cache.states(tuple(one.ids), tuple(one.targets))
    assert torch.equal(states, fresh.base_cache.states(tuple(one.ids), tuple(one.targets)))


def test_bf16_and_fp32_are_kept_apart(fresh, own_cache):
    asked = queries(fresh)
    exact = fresh.base_cache.logits(asked)
    fresh.reset("bf16")
    assert fresh.base_cache.logits(asked).dtype == torch.bfloat16
    fresh.reset("fp32")
    assert torch.equal(fresh.base_cache.logits(asked), exact)
    assert len(list((own_cache / "reference").iterdir())) == 2


def test_other_weights_are_kept_apart(fresh, own_cache, edited):
    asked = queries(fresh)
    name = {"causal": "miniature-llama", "masked": "miniature-bert"}[fresh.family]
    other = LanguageModel(edited(name, noise=0.1), fresh.family)
    assert not torch.equal(fresh.base_cache.logits(asked), other.base_cache.logits(asked))
    assert len(list((own_cache / "reference").iterdir())) == 2


def test_a_broken_file_is_written_anew(fresh, own_cache):
    asked = queries(fresh)
    expected = fresh.base_cache.logits(asked)
    for file in files(own_cache):
        file.write_bytes(file.read_bytes()[:20])
    again = LanguageModel(fresh.path, fresh.family)
    assert torch.equal(again.base_cache.logits(asked), expected)
    third = LanguageModel(fresh.path, fresh.family)
    assert torch.equal(third.base_cache.logits(asked), expected)


def test_a_disk_that_is_nearly_full_keeps_no_more(fresh, own_cache, monkeypatch):
    monkeypatch.setattr(base_cache, "MIN_FREE_BYTES", 2**62)
    asked = queries(fresh)
    expected = fresh.base_logits(fresh.batch(asked))
    assert torch.allclose(fresh.base_cache.logits(asked), expected, atol=1e-4)
    assert not (own_cache / "reference").exists()


def test_a_cache_that_cannot_be_written_costs_time_alone(fresh, own_cache):
    (own_cache / "reference").write_text("in the way")
    asked = queries(fresh)
    expected = fresh.base_logits(fresh.batch(asked))
    assert torch.allclose(fresh.base_cache.logits(asked), expected, atol=1e-4)


def test_a_model_whose_logits_are_more_than_its_heads_output_is_asked_anew_each_time(llama):
    """Gemma 2 caps them: tanh(z / 30) · 30."""
    size = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    size |= {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    capped = Gemma2ForCausalLM(Gemma2Config(**size, final_logit_softcapping=0.5)).eval()
    assert not logits_are_head_output(capped, torch.device("cpu"))
    assert logits_are_head_output(llama.base, torch.device("cpu"))
    model = LanguageModel(llama.path, "causal")
    model.__dict__["_has_cacheable_logits"] = False
    assert model.base_cache is None
    asked = text_predictions(model, recurs=True)
    assert torch.allclose(asked.base_log_prob_NV, asked.log_prob_NV, atol=1e-5)
