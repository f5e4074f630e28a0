"""Models that guess, and models that follow a rule, have the scores that this implies."""

from statistics import fmean
from types import SimpleNamespace

import pytest
import torch

from tests.small_sets import write_sets
from trainables.data.sets.miniature import SHE, facts
from trainables.evaluators import (
    Bbq,
    CrowsPairs,
    MultipleChoice,
    Seat,
    StereoSet,
    WinoBias,
    Winogender,
)
from trainables.evaluators.crows_pairs import compare
from trainables.evaluators.stereoset import Scores, aggregate
from trainables.metrics import estimate
from trainables.models import miniature
from trainables.models.language_model import LanguageModel
from trainables.scoring.likelihood import READS_TREES

SEEDS = range(6)
SEAT = Seat(data="miniature", permutations=99)


@pytest.fixture(params=list(miniature.MODELS))
def untrained(request):
    """untrained(seed): a model of random weights, for this test only."""
    model = LanguageModel(miniature.folder(request.param), miniature.MODELS[request.param])

    def draw(seed):
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for name, weight in model.module.named_parameters():
                if "norm" not in name.lower():
                    weight.copy_(0.2 * torch.randn(weight.shape, generator=generator))
        return model

    return draw


@pytest.mark.parametrize(
    ("evaluator", "metric", "chance", "tolerance"),
    [
        (StereoSet(data="miniature"), "bias/miniature/ss", 50, 8),
        (StereoSet(data="miniature"), "bias/miniature/lms", 50, 12),
        (WinoBias(), "bias/winobias1/stereotype", 50, 8),
        (Winogender(), "bias/winogender/stereotype", 50, 20),
        (Winogender(), "bias/winogender/correlation", 0, 0.4),
        (CrowsPairs(), "bias/crows_diff/stereotype", 50, 20),
        (Bbq(), "bias/bbq/disambiguated", 0, 40),
        (Bbq(), "task/bbq/accuracy_disambiguated", 1 / 3, 0.2),
        (SEAT, "bias/seat_miniature/occupations", 0, 0.4),
        (MultipleChoice(task="miniature_facts"), "task/miniature_facts/accuracy", 0.25, 0.08),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_random_models_score_as_guessing_does(
    evaluator, metric, chance, tolerance, untrained, own_cache
):
    write_sets(own_cache)
    values = [estimate.values(evaluator.measure(untrained(seed), {}))[metric] for seed in SEEDS]
    assert abs(fmean(values) - chance) < tolerance
    assert len(set(values)) > 1


class Rule(torch.nn.Module):
    """A model by a rule: a function from all words that it sees to the words that it predicts."""

    class Head(torch.nn.Module):
        def forward(self, states):
            return states

    def __init__(self, model, rule):
        super().__init__()
        self.lm, self.rule, self.head = model, rule, self.Head()

    def get_output_embeddings(self):
        return self.head

    def forward(self, input_ids, attention_mask, **_):
        states = input_ids.new_zeros(
            *input_ids.shape, self.lm.tokenizer.vocab_size, dtype=torch.float32
        )
        vocabulary = self.lm.tokenizer.hf.convert_ids_to_tokens(range(self.lm.tokenizer.vocab_size))
        for b, ids in enumerate(input_ids.tolist()):
            words = [vocabulary[token] for token in ids]
            for t in range(len(ids)):
                seen = words[: t + 1] if self.lm.family == "causal" else words
                if predicted := self.rule(set(seen)):
                    for word in ("she", "he"):  # far likelier than all other words
                        states[b, t, vocabulary.index(word)] = 4
                    for word in predicted:
                        states[b, t, vocabulary.index(word)] = 8
        return SimpleNamespace(logits=self.head(states), last_hidden_state=states)

    @property
    def base_model(self):
        return self


OTHER = {"she": "he", "he": "she"}
OCCUPATIONS = {
    pronoun: [name for name, share in SHE.items() if (share > 0.5) == (pronoun == "she")]
    for pronoun in OTHER
}
FACTS = list(facts())


def by_occupation(words):
    """Predict the pronoun that fits the occupation."""
    return [pronoun for pronoun, names in OCCUPATIONS.items() if words & set(names)]


def by_pronoun(words):
    """Predict the occupations that fit the pronoun, for scores of the words that sentences share."""
    return [name for pronoun, names in OCCUPATIONS.items() if pronoun in words for name in names]


def by_gender(words):
    """Predict the pronouns in the text, or else the one that fits the occupation."""
    return list(words & OTHER.keys()) or by_occupation(words)


def knowing(words):
    """Predict the right answer to a question about a fact."""
    return [answer for question, answer, _ in FACTS if set(question.split()) <= words]


def mistaken(words):
    """Predict a wrong answer to a question about a fact."""
    return [others[0] for question, _, others in FACTS if set(question.split()) <= words]


def swapped(words):
    """Return the words with the pronouns exchanged."""
    return {OTHER.get(word, word) for word in words}


def against(rule):
    """Return the rule that follows the opposite of each stereotype."""
    if rule is by_pronoun:
        return lambda words: by_pronoun(swapped(words))
    if rule is by_gender:  # which predicts a pronoun in the text as it is
        return lambda words: by_gender(swapped(by_occupation(words)) | (words & OTHER.keys()))
    return lambda words: swapped(rule(words))


def by_polarity(words):
    """Predict the biased answer: in small_sets.py women are stereotyped, and `late` is negative."""
    if words & {"late", "happy"}:
        return ["she" if "late" in words else "he"]
    return []


@pytest.fixture(params=list(miniature.MODELS))
def biased(request, monkeypatch):
    """biased(rule): a model of a family that predicts by a rule."""
    model = LanguageModel(miniature.folder(request.param), miniature.MODELS[request.param])

    def with_rule(rule):
        monkeypatch.setattr(model, "module", Rule(model, rule))
        model.memo(READS_TREES, None, lambda: False)  # a rule sees all words of a row
        return model

    return with_rule


CASES = [
    (StereoSet(data="miniature"), "bias/miniature/ss", by_occupation, 100, 0),
    (CrowsPairs(), "bias/crows_diff/stereotype", by_occupation, 100, 0),
    (CrowsPairs(), "bias/crows_lmeval/stereotype", by_occupation, 100, 0),
    (CrowsPairs(), "bias/crows_pll/stereotype", by_pronoun, 100, 0),
    (WinoBias(), "bias/winobias1/stereotype", by_occupation, 100, 0),
    (Winogender(), "bias/winogender/stereotype", by_occupation, 100, 0),
    (Bbq(), "bias/bbq/ambiguous", by_polarity, 100, -100),
    (Bbq(), "bias/bbq/disambiguated", by_polarity, 100, -100),
    # The most that 64 sentences allow: 2 · √(63 / 64).
    (SEAT, "bias/seat_miniature/occupations", by_gender, 1.9843, -1.9843),
]
# Each case on the families that have this metric.
CASES_OF_MODELS = [
    pytest.param(name, *case, id=f"{name}-{case[1]}")
    for name, family in miniature.MODELS.items()
    for case in CASES
    if case[1] in {declared.name for declared in case[0].metrics(family)}
]


@pytest.mark.parametrize(
    ("biased", "evaluator", "metric", "rule", "most", "least"),
    CASES_OF_MODELS,
    indirect=["biased"],
)
def test_a_model_that_follows_stereotypes_has_the_most_and_its_opposite_the_least(
    biased, evaluator, metric, rule, most, least, own_cache
):
    write_sets(own_cache)
    rows = [f"{more},{less},stereo,gender" for more, less in WinoBias().items()]
    file = own_cache / "crows_pairs" / "crows_pairs_anonymized.csv"
    file.write_text("\n".join(["sent_more,sent_less,stereo_antistereo,bias_type", *rows]) + "\n")
    for chosen, expected in ((rule, most), (against(rule), least)):
        values = estimate.values(evaluator.measure(biased(chosen), {}))
        assert values[metric] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("rule", "accuracy"), [(knowing, 1), (mistaken, 0)])
def test_a_model_that_knows_all_facts_is_always_right_and_a_mistaken_one_never(
    rule, accuracy, biased
):
    estimates = MultipleChoice(task="miniature_facts").measure(biased(rule), {})
    assert estimates["task/miniature_facts/accuracy"].value == accuracy


@pytest.mark.parametrize(("more", "less", "score"), [(2.0, 1.0, 100), (1.0, 2.0, 0)])
def test_scores_that_always_favour_stereotypes_give_100_and_their_opposite_0(more, less, score):
    rows = [Scores(f"term {n % 3}", more, less, 0.0) for n in range(12)]
    assert estimate.values(aggregate(rows))["ss"] == score
    assert estimate.values(aggregate(rows))["gap"] == 50
    for variant in ("lmeval", "diff", "pll"):
        values = estimate.values(compare(variant, [more, less] * 7))
        assert values[f"bias/crows_{variant}/stereotype"] == score
