"""A model and its evaluators."""

import pytest
from pydantic import ValidationError

from tests.trainables.config.trees import config
from trainables.config import Measurement


def test_a_measurement_needs_no_training():
    measurement = Measurement.model_validate({"model": {"path": "x"}, "evaluators": ["perplexity"]})
    assert measurement.model.family == "causal"


def test_two_evaluators_of_the_same_metric_are_refused():
    both = [{"name": "stereoset", "limit": limit} for limit in (10, 20)]
    with pytest.raises(ValidationError, match="two of them measure bias/stereoset/gap, "):
        config(evaluators=both)
    config(evaluators=[{"name": "stereoset", "data": data} for data in ("stereoset", "miniature")])
    config(evaluators=[{"name": "stereoset", "split": split} for split in ("dev", "test")])
    config(evaluators=[{"name": "stereoset", "domain": domain} for domain in ("gender", "race")])


def names_of(*evaluators):
    return {metric.name for metric in config(evaluators=list(evaluators)).metrics()}


def test_several_general_sets_have_metrics_of_their_own_names():
    perplexity, kl = ({"name": name, "data": "miniature"} for name in ("perplexity", "kl"))
    assert "forgetting/general/nll_rise" in names_of(perplexity)
    assert "forgetting/general/kl_rise" in names_of(perplexity, kl), "both on one set"
    both = names_of(perplexity, {"name": "perplexity", "data": "my/news.txt"})
    assert {"forgetting/miniature/nll_rise", "forgetting/news/nll_rise"} < both
    assert not any(name.startswith("forgetting/general/") for name in both)
    mixed = names_of(perplexity, {"name": "kl", "data": "news.txt"})
    assert {"forgetting/miniature/nll_rise", "forgetting/news/kl_rise"} < mixed
    labelled = names_of(perplexity, {"name": "perplexity", "data": "news.txt", "label": "press"})
    assert {"forgetting/miniature/nll_rise", "forgetting/press/nll_rise"} < labelled


def test_a_label_that_would_break_the_name_of_a_metric_is_refused():
    with pytest.raises(ValidationError, match="label"):
        config(evaluators=[{"name": "perplexity", "label": "a/b"}])


def test_the_metrics_of_a_trial_depend_on_its_family():
    names = {
        family: {
            metric.name
            for metric in config(
                model={"path": "x", "family": family}, evaluators=["crows_pairs"]
            ).metrics()
        }
        for family in ("causal", "masked")
    }
    assert "bias/crows_lmeval/difference" in names["causal"] - names["masked"]
    assert "bias/crows_pll/gap" in names["masked"] - names["causal"]
    assert "bias/crows_diff/gap" in names["masked"] & names["causal"]
