"""Texts that a model writes, against the harness's own model on the same weights."""

import json
import math

import pytest
import torch

from trainables.harness.engine import Engine
from trainables.harness.generate import generate
from trainables.models.language_model import LanguageModel

GREEDY = {"until": ["\n"], "max_gen_toks": 6, "do_sample": False}
CONTEXTS = [
    "the wolf eats",
    "the capital of barvenia is",
    "anna found the red lamp",
    "the",
    "when the nurse came home she was happy and the teacher said that",
    " ".join(["anna found the red lamp at the market today"] * 9),  # cut at its beginning
]
SETTINGS = [
    GREEDY,
    GREEDY | {"until": ["deer", " at"]},
    {"until": "market", "max_new_tokens": 8},
    {"until": [], "max_gen_toks": 3, "temperature": 0.0},
]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_the_texts_are_those_of_the_harness(settings, llama, hflm, requests):
    made = requests("generate_until", [(context, dict(settings)) for context in CONTEXTS])
    ours = Engine(llama).generate_until(made)
    assert ours == hflm.generate_until(made, disable_tqdm=True)
    assert any(text.strip() for text in ours)


def test_requests_with_other_settings_keep_their_places(llama, requests):
    settings = [SETTINGS[n % 2] for n in range(len(CONTEXTS))]
    made = requests("generate_until", list(zip(CONTEXTS, settings, strict=True)))
    together = Engine(llama).generate_until(made)
    alone = [Engine(llama).generate_until([request])[0] for request in made]
    assert together == alone


def test_an_empty_context_is_the_start_of_a_text(llama, requests):
    (written,) = Engine(llama).generate_until(requests("generate_until", [("", GREEDY)]))
    assert written.strip()


def test_a_model_without_eos_writes_until_the_stop_or_the_limit(llama, requests, tmp_path):
    llama.save(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    settings = json.loads(file.read_text())
    del settings["eos_token"]
    file.write_text(json.dumps(settings))
    model = LanguageModel(tmp_path, "causal")
    assert model.tokenizer.hf.eos_token_id is None
    made = requests("generate_until", [("the wolf eats", GREEDY)])
    assert Engine(model).generate_until(made) == Engine(llama).generate_until(made)


def test_training_mode_and_gradients_are_left_as_they_were(llama):
    for training in (True, False):
        llama.module.train(training)
        generate(llama, [[5, 6, 7]], [GREEDY])
        assert llama.module.training == training
    assert all(weight.grad is None for weight in llama.module.parameters())


def test_more_tokens_than_the_model_reads_are_refused_in_a_sentence(llama):
    with pytest.raises(ValueError, match="max_gen_toks of a task must be below the 64 positions"):
        generate(llama, [[5]], [GREEDY | {"max_gen_toks": 64}])


def test_predictions_that_are_no_numbers_give_no_text(llama):
    with torch.no_grad():
        for weight in llama.module.parameters():
            weight.fill_(math.nan)
    assert generate(llama, [[5, 6]], [GREEDY]) is None
