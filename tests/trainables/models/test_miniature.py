"""The miniature models: a bias that is known, facts to forget, and fine-tuning that moves both."""

import json

import pytest

from trainables.assets import cache
from trainables.data.sets.miniature import corpus, facts, general_texts, stereoset_items
from trainables.data.sources import read_pairs
from trainables.models import miniature
from trainables.trial import run_trial

GAP, SS = "bias/miniature/gap", "bias/miniature/ss"
NLL, FACTS = "forgetting/general/nll", "task/miniature_facts/accuracy"


def test_every_word_is_in_the_vocabulary(model):
    texts = [*corpus(), *general_texts()]
    texts += [text for pair in read_pairs("miniature") for text in pair[:2]]
    texts += [s["sentence"] for item in stereoset_items() for s in item["sentences"]]
    texts += [f"{question} {' '.join([a, *others])}" for question, a, others in facts()]
    unknown = model.tokenizer.hf.unk_token_id
    assert not any(unknown in ids for ids in model.tokenizer.encode(texts))


def test_a_folder_is_of_the_code_that_pretrains_and_of_that_which_writes_the_texts(name):
    made_by = cache.source_digest(*miniature.MADE_BY)
    assert miniature.folder(name).name == f"{name}-{made_by[:16]}"
    assert {"data", "models"} == set(miniature.MADE_BY)


def test_a_model_is_of_the_family_that_it_says(name, model):
    kind = {"causal": "LlamaForCausalLM", "masked": "BertForMaskedLM"}[miniature.MODELS[name]]
    assert type(model.module).__name__ == kind
    assert sum(weight.numel() for weight in model.module.parameters()) < 150_000


def test_pretraining_says_so_once(name, tmp_path, monkeypatch, capfd):
    """On a part of the texts, since the whole takes a minute."""
    few = corpus()[: 4 * miniature.BATCH_SIZE]
    monkeypatch.setattr(miniature, "corpus", lambda: few)
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path))
    for said in ([f"pretraining {name} once, about a minute (longer on a busy machine)."], []):
        miniature.folder(name)
        assert capfd.readouterr().err.splitlines() == said


# What the models are for


@pytest.fixture(scope="module")
def tuned(configure):
    """Return a function: (model, objective) -> metrics of the base, and after sixty large steps."""
    metrics = {}

    def run(name, objective):
        if (name, objective) not in metrics:
            config = configure(
                name,
                objective=objective,
                alignment={"data": "miniature", "size": 500},
                train={"lr": 3e-3, "steps": 60, "batch_size": 16},
                evaluators=[
                    {"name": "stereoset", "data": "miniature"},
                    {"name": "perplexity", "data": "miniature"},
                    {"name": "multiple_choice", "task": "miniature_facts"},
                ],
            )
            metrics[name, objective] = [report.metrics for report in run_trial(config)]
        return metrics[name, objective]

    return run


def test_the_base_prefers_stereotypes_and_knows_its_facts(name, tuned):
    base, _ = tuned(name, "cda")
    assert base[SS] >= 80
    assert base["bias/miniature/lms"] >= 95
    assert base[FACTS] >= 0.9
    assert base[NLL] < 2


def test_strong_cda_moves_the_bias_at_the_cost_of_known_facts(name, tuned):
    base, end = tuned(name, "cda")
    assert base[GAP] - end[GAP] > 20
    assert end[NLL] > base[NLL]
    assert end["forgetting/general/nll_rise"] == pytest.approx(end[NLL] - base[NLL])
    # The masked one forgets a fact of 62 or none at these settings.
    assert (
        end[FACTS] < base[FACTS] - 0.2 if name == "miniature-llama" else end[FACTS] <= base[FACTS]
    )


def test_plain_fine_tuning_leaves_the_bias(name, tuned):
    _, end = tuned(name, "none")
    assert end[SS] >= 80


def test_a_folder_holds_no_pickles(name):
    files = [file for file in miniature.folder(name).iterdir() if not file.name.startswith(".")]
    assert {file.suffix for file in files} == {".json", ".safetensors"}
    config = json.loads((miniature.folder(name) / "config.json").read_text())
    assert "auto_map" not in config
