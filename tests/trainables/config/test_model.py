"""The model of a trial, and what its texts begin with."""

import math

import pytest
import torch
from pydantic import ValidationError
from transformers import AutoModelForCausalLM, AutoTokenizer

from trainables.config.model import ModelConfig
from trainables.data import tables
from trainables.data.opening import PLAIN, Opening
from trainables.models.language_model import LanguageModel
from trainables.trial import run_trial

CHAT = "{% for turn in messages %}the {{ turn['content'] }} </s> {% endfor %}{% if add_generation_prompt %}said{% endif %}"


def test_a_model_is_plain_and_chooses_its_start_by_default():
    assert ModelConfig(path="x").opening == PLAIN == Opening("auto", "plain")


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"family": "masked", "start": "bos"}, "left out for a masked model"),
        ({"family": "masked", "format": "chat"}, "left out for a masked model"),
        ({"format": "chat", "start": "bos"}, "start left out with format: chat"),
        ({"prompt": "Say it."}, "must have format: chat if prompt is given"),
        ({"start": ""}, "at least 1 character"),
    ],
)
def test_settings_of_the_start_that_have_no_effect_are_refused(settings, sentence):
    with pytest.raises(ValidationError, match=sentence):
        ModelConfig(path="x", **settings)


@pytest.fixture
def chat_folder(llama, tmp_path):
    """Return the folder of the miniature with a chat template in words that it knows."""
    llama.save(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    tokenizer.chat_template = CHAT
    tokenizer.save_pretrained(tmp_path)
    return tmp_path


def test_a_trial_in_chat_reads_pairs_and_general_texts_as_answers(chat_folder, configure):
    """KL and NLL are 0 at the base, NLL is transformers' own behind the chat, and training moves both."""
    model = {"path": str(chat_folder), "format": "chat", "prompt": "nurse"}
    evaluators = [{"name": name, "data": "miniature", "limit": 9} for name in ("perplexity", "kl")]
    config = configure(model=model, objective={"name": "dpo"}, evaluators=evaluators)
    first, *_, last = (dict(report.metrics) for report in run_trial(config))
    assert first["forgetting/general/kl_rise"] == first["forgetting/general/nll_rise"] == 0
    assert last["forgetting/general/kl_rise"] > 0 != last["forgetting/general/nll_rise"]

    tokenizer = AutoTokenizer.from_pretrained(chat_folder)
    module = AutoModelForCausalLM.from_pretrained(chat_folder).eval()
    turns = [{"role": "user", "content": "nurse"}]
    start = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_dict=False)
    perplexity = config.evaluators[0]
    lm = LanguageModel(chat_folder, "causal", config.model.opening)
    items = perplexity.measure(lm, {})["forgetting/general/nll"]
    assert items.value == pytest.approx(first["forgetting/general/nll"])
    from trainables.evaluators.passages import passage_queries

    passages, _ = passage_queries(perplexity, lm.tokenizer)
    losses = []
    for ids, num_context, _ in passages:
        with torch.no_grad():
            logits = module(torch.tensor([[*start, *ids]])).logits[0].log_softmax(-1)
        places = range(len(start) + num_context, len(start) + len(ids))
        losses += [-float(logits[t - 1, ids[t - len(start)]]) for t in places]
    assert first["forgetting/general/nll"] == pytest.approx(
        math.fsum(losses) / len(losses), rel=1e-5
    )


@pytest.mark.parametrize("objective", ["cda", "dpo", "orthogonal", "gradient_difference"])
@pytest.mark.parametrize("start", ["none", "</s>"])
def test_objectives_train_behind_any_start(objective, start, configure):
    config = configure(
        model={"path": "miniature-llama", "start": start}, objective={"name": objective}
    )
    *_, last = run_trial(config)
    assert all(map(math.isfinite, last.metrics.values()))


def test_the_tables_of_token_ids_are_those_of_any_start(llama):
    bare = LanguageModel(llama.path, "causal", Opening("none"))
    assert bare.tokenizer.digest == llama.tokenizer.digest
    one, other = (tables.texts("miniature", "replay", lm.tokenizer) for lm in (bare, llama))
    assert one._fingerprint == other._fingerprint
