"""Who knows nothing scores as guessing does, and who is biased through and through 0 or 100."""

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
    """untrained(seed): a model of random weights that no test shares."""
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
    ("evaluator", "metric", "chance", "away"),
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
    evaluator, metric, chance, away, untrained, own_cache
):
    write_sets(own_cache)
    found = [estimate.values(evaluator.measure(untrained(seed), {}))[metric] for seed in SEEDS]
    assert abs(fmean(found) - chance) < away
    assert len(set(found)) > 1


class Rule(torch.nn.Module):
    """A model by rule: `says(words)` are the likeliest words, given all words it sees."""

    class Head(torch.nn.Module):
        def forward(self, states):
            return states

    def __init__(self, model, says):
        super().__init__()
        self.model, self.says, self.head = model, says, self.Head()

    def get_output_embeddings(self):
        return self.head

    def forward(self, input_ids, attention_mask, **_):
        states = torch.zeros(*input_ids.shape, self.model.tokenizer.vocab_size)
        vocabulary = self.model.tokenizer.hf.convert_ids_to_tokens(
            range(self.model.tokenizer.vocab_size)
        )
        for b, ids in enumerate(input_ids.tolist()):
            words = [vocabulary[token] for token in ids]
            for t in range(len(ids)):
                seen = words[: t + 1] if self.model.family == "causal" else words
                if likeliest := self.says(set(seen)):
                    for said in ("she", "he"):  # next to them, all else is out of the question
                        states[b, t, vocabulary.index(said)] = 4
                    for said in likeliest:
                        states[b, t, vocabulary.index(said)] = 8
        return SimpleNamespace(logits=self.head(states), last_hidden_state=states)

    @property
    def base_model(self):
        return self


OTHER = {"she": "he", "he": "she"}
OF = {who: [n for n, share in SHE.items() if (share > 0.5) == (who == "she")] for who in OTHER}
FACTS = list(facts())


def by_occupation(words):
    return [who for who, names in OF.items() if words & set(names)]


def by_pronoun(words):
    """The occupations that go with it: what is likely is said of words that two sentences share."""
    return [name for who, names in OF.items() if who in words for name in names]


def by_gender(words):
    return list(words & OTHER.keys()) or by_occupation(words)


def knowing(words):
    return [answer for question, answer, _ in FACTS if set(question.split()) <= words]


def mistaken(words):
    return [others[0] for question, _, others in FACTS if set(question.split()) <= words]


def turned(words):
    return {OTHER.get(word, word) for word in words}


def against(says):
    """The same rule against the stereotypes."""
    if says is by_pronoun:
        return lambda words: by_pronoun(turned(words))
    if says is by_gender:  # a pronoun stays what it is
        return lambda words: by_gender(turned(by_occupation(words)) | (words & OTHER.keys()))
    return lambda words: turned(says(words))


def by_polarity(words):
    """In the questions of conformance.write_sets women are stereotyped, and `late` is negative."""
    if words & {"late", "happy"}:
        return ["she" if "late" in words else "he"]
    return []


@pytest.fixture(params=list(miniature.MODELS))
def biased(request, monkeypatch):
    """biased(says): a model of a family that knows nothing but its rule."""
    model = LanguageModel(miniature.folder(request.param), miniature.MODELS[request.param])

    def ruled(says):
        monkeypatch.setattr(model, "module", Rule(model, says))
        model.memo(READS_TREES, None, lambda: False)  # it looks at all words of a row
        return model

    return ruled


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
# Each on the families that have this form of the metric.
EACH = [
    pytest.param(name, *case, id=f"{name}-{case[1]}")
    for name, family in miniature.MODELS.items()
    for case in CASES
    if case[1] in {declared.name for declared in case[0].metrics(family)}
]


@pytest.mark.parametrize(
    ("biased", "evaluator", "metric", "says", "most", "least"), EACH, indirect=["biased"]
)
def test_a_model_of_nothing_but_stereotypes_has_the_most_and_its_mirror_the_least(
    biased, evaluator, metric, says, most, least, own_cache
):
    write_sets(own_cache)
    rows = [f"{more},{less},gender" for more, less in WinoBias().items()]
    file = own_cache / "crows_pairs" / "crows_pairs_anonymized.csv"
    file.write_text("\n".join(["sent_more,sent_less,bias_type", *rows]) + "\n")
    for rule, expected in ((says, most), (against(says), least)):
        found = estimate.values(evaluator.measure(biased(rule), {}))
        assert found[metric] == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize(("rule", "accuracy"), [(knowing, 1), (mistaken, 0)])
def test_who_knows_all_facts_is_always_right_and_who_is_mistaken_never(rule, accuracy, biased):
    found = MultipleChoice(task="miniature_facts").measure(biased(rule), {})
    assert found["task/miniature_facts/accuracy"].value == accuracy


@pytest.mark.parametrize(("more", "less", "score"), [(2.0, 1.0, 100), (1.0, 2.0, 0)])
def test_a_scorer_of_stereotypes_has_100_and_its_mirror_0(more, less, score):
    rows = [Scores(f"term {n % 3}", more, less, 0.0) for n in range(12)]
    assert estimate.values(aggregate(rows))["ss"] == score
    assert estimate.values(aggregate(rows))["gap"] == 50
    for variant in ("lmeval", "diff", "pll"):
        found = estimate.values(compare(variant, [more, less] * 7))
        assert found[f"bias/crows_{variant}/stereotype"] == score
