"""Metrics computed from those of several evaluators."""

import math

import pytest

from trainables.metrics.estimate import Estimate, Items, mean
from trainables.metrics.guard import Guard, derive, derived_metrics

STEREOTYPES = "forgetting/stereoset/stereotype_nll_rise"
GENERAL = "forgetting/news/nll_rise"  # of any general set
LMS = "forgetting/stereoset/lms_drop"
DEGENERATE = "forgetting/guard/degenerate"
SELECTIVITY = "forgetting/selective/selectivity_rise"


def estimates(**values):
    names = {"general": GENERAL, "stereotypes": STEREOTYPES, "lms": LMS}
    return {names[name]: Estimate(value) for name, value in values.items()}


@pytest.mark.parametrize(
    ("values", "degenerate"),
    [
        ({"general": 0.99, "lms": 19.9}, 0),
        ({"general": 1.0, "lms": 20.0}, 0),
        ({"general": 1.01, "lms": 0.0}, 1),
        ({"general": 0.0, "lms": 20.1}, 1),
        ({"general": -3.0, "lms": -40.0}, 0),
        ({"lms": 21.0}, 1),
        ({"general": 2.0}, 1),
    ],
)
def test_past_any_bound_a_candidate_is_degenerate(values, degenerate):
    assert derive(estimates(**values), Guard())[DEGENERATE].value == degenerate


def test_the_user_sets_the_bounds():
    assert derive(estimates(general=0.5), Guard(nll_rise=0.4))[DEGENERATE].value == 1
    assert derive(estimates(lms=50.0), Guard(lms_drop=60.0))[DEGENERATE].value == 0


def test_where_a_watched_metric_is_nan_so_is_the_flag():
    assert math.isnan(derive(estimates(general=math.nan, lms=0.0), Guard())[DEGENERATE].value)


def test_where_nothing_is_watched_there_is_no_flag():
    assert derive({"task/piqa/accuracy": Estimate(0.1)}, Guard()) == {}
    assert derived_metrics(["task/piqa/accuracy"], Guard()) == ()


def test_selectivity_worked_out_by_hand():
    """Stereotypes 0.5 nats less likely, general text 0.1: 0.4 of it was selective."""
    stereotypes = mean([0.4, 0.5, 0.6], Items.of("abc"))
    general = mean([0.0, 0.1, 0.2, 0.1], Items.of("wxyz"))
    derived = derive({STEREOTYPES: stereotypes, GENERAL: general}, Guard())[SELECTIVITY]
    assert derived.value == pytest.approx(0.4)
    assert derived.se == pytest.approx(math.hypot(stereotypes.se, general.se), rel=0.1)


def test_selectivity_needs_both():
    assert SELECTIVITY not in derive(estimates(general=0.1), Guard())
    assert SELECTIVITY not in derive(estimates(stereotypes=0.1), Guard())


def test_each_of_several_sets_has_a_selectivity_whatever_their_order():
    rises = {"news": 0.1, "mails": 0.3}
    values = {f"forgetting/{name}/nll_rise": Estimate(rise) for name, rise in rises.items()}
    values[STEREOTYPES] = Estimate(0.5)
    derived = derive(values, Guard())
    assert {name: estimate.value for name, estimate in derived.items()} == {
        "forgetting/selective_news/selectivity_rise": pytest.approx(0.4),
        "forgetting/selective_mails/selectivity_rise": pytest.approx(0.2),
        DEGENERATE: 0,
    }
    assert derive(dict(reversed(values.items())), Guard()) == derived
    assert [m.name for m in derived_metrics(list(values), Guard())] == list(derived)


def test_selectivities_of_one_name_are_declared_twice_for_the_trial_to_refuse():
    names = [STEREOTYPES, "forgetting/stereoset_test/stereotype_nll_rise"]
    names += ["forgetting/test_x/nll_rise", "forgetting/x/nll_rise"]
    declared = [metric.name for metric in derived_metrics(names, Guard())]
    assert declared.count("forgetting/selective_stereoset_test_x/selectivity_rise") == 2


def test_several_sets_of_stereotypes_are_named_before_the_general_one():
    names = [STEREOTYPES, "forgetting/stereoset_test/stereotype_nll_rise", GENERAL]
    assert [metric.name for metric in derived_metrics(names, Guard())][:2] == [
        "forgetting/selective_stereoset/selectivity_rise",
        "forgetting/selective_stereoset_test/selectivity_rise",
    ]


def test_derived_metrics_are_those_that_are_declared():
    everything = estimates(general=0.1, stereotypes=0.2, lms=3.0)
    declared = [metric.name for metric in derived_metrics(list(everything), Guard())]
    assert list(derive(everything, Guard())) == declared == [SELECTIVITY, DEGENERATE]
