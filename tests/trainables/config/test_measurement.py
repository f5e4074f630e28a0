"""A model and its evaluators."""

import pytest
from pydantic import ValidationError

from tests.trainables.config.trees import config
from trainables.config import Measurement


def test_a_measurement_needs_no_training():
    asked = Measurement.model_validate({"model": {"path": "x"}, "evaluators": ["perplexity"]})
    assert asked.model.family == "causal"


def test_two_evaluators_of_the_same_metric_are_refused():
    both = [{"name": "stereoset", "limit": limit} for limit in (10, 20)]
    with pytest.raises(ValidationError, match="two of them measure bias/stereoset/gap, "):
        config(evaluators=both)
    config(evaluators=[{"name": "stereoset", "data": data} for data in ("stereoset", "miniature")])
    config(evaluators=[{"name": "stereoset", "split": split} for split in ("dev", "test")])
    config(evaluators=[{"name": "stereoset", "domain": domain} for domain in ("gender", "race")])


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
