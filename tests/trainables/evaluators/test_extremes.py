"""Who knows nothing scores as guessing does, and who is biased through and through 0 or 100."""

from statistics import fmean

import pytest
import torch

from tests.conformance import write_sets
from trainables import estimate, miniature
from trainables.evaluators import MultipleChoice, StereoSet, WinoBias, Winogender
from trainables.evaluators.crows_pairs import compare
from trainables.evaluators.stereoset import Scores, aggregate
from trainables.model import LanguageModel

SEEDS = range(6)


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
        (MultipleChoice(task="miniature_facts"), "task/miniature_facts/accuracy", 0.25, 0.08),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_random_models_score_as_guessing_does(
    evaluator, metric, chance, away, untrained, own_cache
):
    write_sets(own_cache)
    found = [estimate.values(evaluator.measure(untrained(seed), None))[metric] for seed in SEEDS]
    assert abs(fmean(found) - chance) < away
    assert len(set(found)) > 1


@pytest.mark.parametrize(("more", "less", "score"), [(2.0, 1.0, 100), (1.0, 2.0, 0)])
def test_a_scorer_of_stereotypes_has_100_and_its_mirror_0(more, less, score):
    rows = [Scores(f"term {n % 3}", more, less, 0.0) for n in range(12)]
    assert estimate.values(aggregate(rows))["ss"] == score
    assert estimate.values(aggregate(rows))["gap"] == 50
    for variant in ("lmeval", "diff", "pll"):
        found = estimate.values(compare(variant, [more, less] * 7))
        assert found[f"bias/crows_{variant}/stereotype"] == score
