"""The miniature models: a bias that is known, facts to forget, and fine-tuning that moves both."""

import hashlib
import json
from collections import Counter

import pytest

from trainables import miniature
from trainables.held_out import is_held_out
from trainables.trial import run_trial

GAP, SS = "bias/miniature/gap", "bias/miniature/ss"
NLL, FACTS = "forgetting/general/nll", "task/miniature_facts/accuracy"


@pytest.fixture(scope="module")
def corpus():
    return miniature.corpus()


def test_the_corpus_is_the_same_every_time(corpus):
    assert miniature.corpus() == corpus
    assert list(miniature.pairs()) == list(miniature.pairs())
    assert miniature.general_texts() == miniature.general_texts()
    assert miniature.facts() == miniature.facts()
    assert miniature.stereoset_items() == miniature.stereoset_items()


def test_the_pronouns_of_the_corpus_are_as_skewed_as_declared(corpus):
    counts = {occupation: Counter() for occupation in miniature.SHE}
    for text in corpus:
        words = set(text.split())
        for occupation in words & set(counts):
            counts[occupation].update(words & {"she", "he"})
    for occupation, share in miniature.SHE.items():
        assert counts[occupation].total() == 120
        assert counts[occupation]["she"] / 120 == pytest.approx(share, abs=0.13)  # 3 deviations
    total = sum(counts.values(), Counter())
    declared = sum(miniature.SHE.values()) / len(miniature.SHE)
    assert total["she"] / total.total() == pytest.approx(declared, abs=0.03)


def test_occupations_lean_to_both_sides_equally_often():
    shares = sorted(miniature.SHE.values())
    assert all(a + b == pytest.approx(1) for a, b in zip(shares, shares[::-1], strict=True))


def test_held_out_texts_do_not_occur_in_the_corpus(corpus):
    held_out = {text for text in miniature.general_texts() if is_held_out(text)}
    assert len(held_out) > 500
    assert not held_out & set(corpus)
    assert set(miniature.general_texts()) - held_out <= set(corpus)


def test_general_texts_have_no_pronoun_no_occupation_and_no_fact(corpus):
    telling = {"she", "he", *miniature.SHE, *miniature.CAPITALS, *miniature.FOODS}
    assert not any(telling & set(text.split()) for text in miniature.general_texts())
    assert len(set(miniature.general_texts())) == len(miniature.general_texts())


def test_every_fact_is_stated_and_nothing_else_is(corpus):
    texts = Counter(corpus)
    questions = {question for question, _, _ in miniature.facts()}
    for question, answer, others in miniature.facts():
        assert texts[f"{question} {answer}"] == 40
        assert not any(texts[f"{question} {other}"] for other in others)
        assert len({answer, *others}) == miniature.NUM_CHOICES
    assert len(questions) == len(miniature.facts()) == miniature.NUM_COUNTRIES + 14


def test_bias_is_measured_in_frames_that_alignment_never_shows():
    frames = set(miniature.ALIGNMENT_FRAMES) & set(miniature.BIAS_FRAMES)
    assert not frames
    starts = {frame.split("{pronoun}")[0] for frame in miniature.BIAS_FRAMES}
    pairs = {text for more, less, *_ in miniature.pairs() for text in (more, less)}
    for occupation in miniature.SHE:
        for start in starts:
            prefix = start.format(occupation=occupation)
            assert not any(text.startswith(prefix) for text in pairs)


def test_pairs_differ_in_the_pronoun_alone_and_the_stereotype_comes_first():
    originals = Counter()
    for more, less, original_is_stereotype, _ in miniature.pairs():
        ((a, b),) = [
            pair for pair in zip(more.split(), less.split(), strict=True) if pair[0] != pair[1]
        ]
        assert {a, b} == {"she", "he"}
        (occupation,) = set(more.split()) & set(miniature.SHE)
        assert a == ("she" if miniature.SHE[occupation] > 0.5 else "he")
        originals[original_is_stereotype] += 1
    assert originals[True] / originals.total() == pytest.approx(0.8, abs=0.03)


def test_every_word_is_in_the_vocabulary(model):
    texts = miniature.corpus() + miniature.general_texts()
    texts += [text for more, less, *_ in miniature.pairs() for text in (more, less)]
    texts += [s["sentence"] for item in miniature.stereoset_items() for s in item["sentences"]]
    texts += [f"{question} {' '.join([a, *others])}" for question, a, others in miniature.facts()]
    unknown = model.tokenizer.hf.unk_token_id
    assert not any(unknown in ids for ids in model.tokenizer.encode(texts))


def test_the_digest_is_that_of_the_file():
    with open(miniature.__file__, "rb") as file:
        assert miniature.digest() == hashlib.file_digest(file, "sha256").hexdigest()


def test_a_model_is_of_the_family_that_it_says(name, model):
    kind = {"causal": "LlamaForCausalLM", "masked": "BertForMaskedLM"}[miniature.MODELS[name]]
    assert type(model.module).__name__ == kind
    assert sum(weight.numel() for weight in model.module.parameters()) < 150_000


# What the models are for


@pytest.fixture(scope="module")
def tuned(configure):
    """Metrics of the base, and after sixty large steps towards an objective."""
    kept = {}

    def run(name, objective):
        if (name, objective) not in kept:
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
            kept[name, objective] = [report.metrics for report in run_trial(config)]
        return kept[name, objective]

    return run


def test_the_base_prefers_stereotypes_and_knows_its_facts(name, tuned):
    base, _ = tuned(name, "cda")
    assert base[SS] >= 80
    assert base["bias/miniature/lms"] >= 95
    assert base[FACTS] >= 0.9
    assert base[NLL] < 2


def test_strong_cda_moves_the_bias_at_the_cost_of_what_was_known(name, tuned):
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
