"""Measuring a model, and the values of the base that are cached."""

import pytest

from tests.trainables.conftest import EVALUATORS
from trainables.assets import cache
from trainables.evaluators import Perplexity
from trainables.measure import base_values, measure_alone
from trainables.metrics import estimate
from trainables.metrics.names import RELATIVE
from trainables.models.language_model import LanguageModel
from trainables.models.loading import load
from trainables.trial import run_trial

GAP = {"objective": {"name": "likelihood_gap", "weight": 10.0}}


def forwards(config):
    """Return a list that grows with each forward of a trial's model, and the hook that does it."""
    counted = []
    hook = load(config.model.path, config.model.family).module.register_forward_pre_hook(
        lambda *_: counted.append(1)
    )
    return counted, hook


def test_base_values_are_measured_once_for_all_trials(configure, own_cache):
    config = configure(**GAP)
    reads, hook = forwards(config)
    first = next(run_trial(config))
    assert reads
    reads.clear()
    again = next(run_trial(configure(train={"lr": 0.5}, seed=3)))
    hook.remove()
    assert not reads
    assert again.metrics == first.metrics
    folders = list((own_cache / "base_values").glob("[!.]*"))
    assert len(folders) == len(config.evaluators)
    next(run_trial(configure(evaluators=EVALUATORS[:1])))
    assert list((own_cache / "base_values").glob("[!.]*")) == folders, "each evaluator on its own"


@pytest.mark.parametrize(
    ("changes", "num_kept"),
    [
        ({"train": {"dtype": "bf16"}}, 6),
        ({"name": "miniature-bert"}, 6),
        ({"evaluators": [{"name": "perplexity", "data": "miniature", "limit": 21}]}, 4),
    ],
    ids=["precision", "model", "evaluators"],
)
def test_base_values_are_measured_again_when_they_would_differ(
    changes, num_kept, configure, own_cache
):
    first = next(run_trial(configure()))
    other = next(run_trial(configure(**changes)))
    assert first.metrics != other.metrics
    assert len(list((own_cache / "base_values").glob("[!.]*"))) == num_kept


def test_base_values_follow_the_data(configure, own_cache):
    file = own_cache / "crows_pairs" / "crows_pairs_anonymized.csv"
    file.parent.mkdir()
    config = configure(evaluators=["crows_pairs"])
    headings = "sent_more,sent_less,stereo_antistereo,bias_type"
    actual = []
    for pair in ("he was sad,she was sad", "she was sad,he was sad"):
        file.write_text(f"{headings}\n{pair},stereo,gender\n")
        actual.append(next(run_trial(config)).metrics["bias/crows_lmeval/stereotype"])
    assert sorted(actual) == [0.0, 100.0]


def test_a_model_alone_is_measured_once_and_as_a_base_for_trials(configure, own_cache):
    config = configure()
    reads, hook = forwards(config)
    perplexity = Perplexity(data="miniature", limit=20)
    actual = estimate.values(
        measure_alone(perplexity, load(config.model.path, config.model.family))
    )
    assert actual
    assert not [name for name in actual if name.endswith(RELATIVE)]
    num_reads = len(reads)
    assert (
        estimate.values(measure_alone(perplexity, load(config.model.path, config.model.family)))
        == actual
    )
    assert len(reads) == num_reads
    hook.remove()
    base = estimate.values(base_values(config, load(config.model.path, config.model.family)))
    assert actual.items() <= base.items()


def test_a_trained_model_is_never_cached_as_the_base(configure, own_cache):
    config = configure(train={"lr": 0.01})
    list(run_trial(config))
    perplexity = Perplexity(data="miniature", limit=21)  # which the trial has not measured
    actual = estimate.values(
        measure_alone(perplexity, load(config.model.path, config.model.family))
    )
    fresh = LanguageModel(load(config.model.path, config.model.family).path, config.model.family)
    expected = estimate.values(perplexity.measure(fresh, {}))
    assert actual == {name: v for name, v in expected.items() if not name.endswith(RELATIVE)}


def test_data_that_change_while_the_base_is_measured_leave_no_value(llama, own_cache, tmp_path):
    file = tmp_path / "texts.txt"
    old, new = ("\n".join(f"the {word} eats {n}" for n in range(60)) for word in ("wolf", "cook"))

    class Meddling(Perplexity):
        def measure(self, model, base):
            file.write_text(new)
            return super().measure(model, base)

    file.write_text(old)
    with pytest.raises(
        cache.Changed, match="the data of perplexity must stay as it is while it is"
    ):
        measure_alone(Meddling(data=str(file)), llama)
    file.write_text(old)
    value = estimate.values(measure_alone(Perplexity(data=str(file)), llama))
    file.write_text(new)
    assert estimate.values(measure_alone(Perplexity(data=str(file)), llama)) != value
    file.write_text(old)
    assert estimate.values(measure_alone(Perplexity(data=str(file)), llama)) == value
