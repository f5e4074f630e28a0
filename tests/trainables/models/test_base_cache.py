"""The base's logits for rows that come again."""

import pytest
import torch
from transformers import Gemma2Config, Gemma2ForCausalLM

from tests.conformance import perturb, queries, text_predictions
from trainables.models import base_cache
from trainables.models.base_cache import logits_are_head_output
from trainables.models.language_model import LanguageModel


@pytest.fixture
def fresh(model, own_cache):
    """Return a model whose base has predicted nothing yet, and an empty cache."""
    return LanguageModel(model.path, model.family)


def files(folder):
    return sorted(file for file in (folder / base_cache.FOLDER).rglob("*") if file.is_file())


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_logits_are_those_of_the_base_wherever_the_model_has_gone(dtype, fresh):
    fresh.reset(dtype)
    rows = queries(fresh)
    expected = fresh.base_logits(fresh.batch(rows)).float()
    perturb(fresh, 0.5)
    actual = fresh.base_cache.logits(rows).float()
    assert torch.allclose(actual, expected, atol={"fp32": 1e-4, "bf16": 0.3}[dtype])


def test_states_of_each_row_are_stored_and_never_logits(fresh, own_cache):
    rows = queries(fresh)
    fresh.base_cache.logits(rows)
    assert len(files(own_cache)) == len(rows)
    width = fresh.module.config.hidden_size
    numbers = sum(len(query.targets) for query in rows) * width
    assert sum(file.stat().st_size for file in files(own_cache)) < 4 * numbers + 200 * len(rows)


def test_another_process_finds_the_same_bits_and_computes_nothing(fresh, own_cache):
    rows = queries(fresh)
    expected = fresh.base_cache.logits(rows)
    again = LanguageModel(fresh.path, fresh.family)
    base = again.base_cache.base
    calls = []
    base.register_forward_hook(lambda *_: calls.append(1))
    assert torch.equal(again.base_cache.logits(rows), expected)
    assert not calls
    stamps = [file.stat().st_mtime_ns for file in files(own_cache)]
    again.base_cache.logits(rows[::-1])
    assert [file.stat().st_mtime_ns for file in files(own_cache)] == stamps


def test_a_row_is_the_same_to_the_bit_whatever_rows_came_with_it(fresh, own_cache):
    row, *other_rows = queries(fresh)
    together = fresh.base_cache.logits([*other_rows, row])[-len(row.targets) :]
    for file in files(own_cache):
        file.unlink()
    again = LanguageModel(fresh.path, fresh.family)
    alone = again.base_cache.logits([row])
    assert torch.allclose(alone, together, atol=1e-6)
    states = again.base_cache.states(tuple(row.ids), tuple(row.targets))
    assert torch.equal(states, fresh.base_cache.states(tuple(row.ids), tuple(row.targets)))


def test_bf16_and_fp32_are_stored_apart(fresh, own_cache):
    rows = queries(fresh)
    exact = fresh.base_cache.logits(rows)
    fresh.reset("bf16")
    assert fresh.base_cache.logits(rows).dtype == torch.bfloat16
    fresh.reset("fp32")
    assert torch.equal(fresh.base_cache.logits(rows), exact)
    assert len(list((own_cache / base_cache.FOLDER).iterdir())) == 2


def test_other_weights_are_stored_apart(fresh, own_cache, edited):
    rows = queries(fresh)
    name = {"causal": "miniature-llama", "masked": "miniature-bert"}[fresh.family]
    other = LanguageModel(edited(name, noise=0.1), fresh.family)
    assert not torch.equal(fresh.base_cache.logits(rows), other.base_cache.logits(rows))
    assert len(list((own_cache / base_cache.FOLDER).iterdir())) == 2


def test_a_broken_file_is_written_anew(fresh, own_cache):
    rows = queries(fresh)
    expected = fresh.base_cache.logits(rows)
    for file in files(own_cache):
        file.write_bytes(file.read_bytes()[:20])
    again = LanguageModel(fresh.path, fresh.family)
    assert torch.equal(again.base_cache.logits(rows), expected)
    third = LanguageModel(fresh.path, fresh.family)
    assert torch.equal(third.base_cache.logits(rows), expected)


def test_a_disk_that_is_nearly_full_keeps_no_more(fresh, own_cache, monkeypatch):
    monkeypatch.setattr(base_cache, "MIN_FREE_BYTES", 2**62)
    rows = queries(fresh)
    expected = fresh.base_logits(fresh.batch(rows))
    assert torch.allclose(fresh.base_cache.logits(rows), expected, atol=1e-4)
    assert not (own_cache / base_cache.FOLDER).exists()


def test_a_cache_that_cannot_be_written_costs_time_alone(fresh, own_cache):
    (own_cache / base_cache.FOLDER).write_text("in the way")
    rows = queries(fresh)
    expected = fresh.base_logits(fresh.batch(rows))
    assert torch.allclose(fresh.base_cache.logits(rows), expected, atol=1e-4)


def test_a_model_whose_logits_are_more_than_its_heads_output_is_computed_each_time(llama):
    """Gemma 2 caps them: tanh(z / 30) · 30."""
    size = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1}
    size |= {"num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8}
    capped = Gemma2ForCausalLM(Gemma2Config(**size, final_logit_softcapping=0.5)).eval()
    assert not logits_are_head_output(capped, torch.device("cpu"))
    assert logits_are_head_output(llama.base, llama.device)
    model = LanguageModel(llama.path, "causal")
    model.__dict__["_has_cacheable_logits"] = False
    assert model.base_cache is None
    texts = text_predictions(model, recurs=True)
    assert torch.allclose(texts.base_log_prob_NV, texts.log_prob_NV, atol=1e-5)
