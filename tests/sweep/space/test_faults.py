"""Domains that cannot be drawn from, each with one sentence."""

import pytest

from sweep.space.faults import domain_faults, without_domains


@pytest.mark.parametrize(
    ("domain", "place", "sentence"),
    [
        ({"uniform": [2, 1]}, ("x", "uniform"), "must have low < high, but got [2, 1]."),
        ({"uniform": [1, 1]}, ("x", "uniform"), "must have low < high, but got [1, 1]."),
        ({"loguniform": [0, 1]}, ("x", "loguniform"), "must be above 0"),
        ({"int": [1, 2.5]}, ("x", "int"), "must be two whole numbers [low, high]"),
        ({"uniform": [1]}, ("x", "uniform"), "must be two numbers [low, high], but got [1]."),
        ({"uniform": ["a", 1]}, ("x", "uniform"), "must be two numbers"),
        ({"uniform": [True, 3]}, ("x", "uniform"), "must be two numbers"),
        ({"uniform": 3}, ("x", "uniform"), "must be two numbers"),
        ({"choice": []}, ("x", "choice"), "must be a list of at least one option"),
        ({"choice": [1, 1]}, ("x", "choice"), "must have different options"),
    ],
)
def test_a_domain_that_cannot_be_drawn_from_is_one_sentence(domain, place, sentence):
    (fault,) = domain_faults({"x": domain})
    assert fault.place == place
    assert sentence in fault.sentence


def test_faults_inside_branches_are_found_all_at_once():
    tree = {"a": {"choice": [{"name": "b", "w": {"uniform": [2, 1]}}, {"int": [0, 0.5]}]}}
    assert [fault.place for fault in domain_faults(tree)] == [
        ("a", "choice", 0, "w", "uniform"),
        ("a", "choice", 1, "int"),
    ]


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"logunifrom": [1, 2]}, "is no known domain (known: uniform, loguniform, int, choice)"),
        ({"choise": ["a"]}, "did you mean 'choice'?"),
        ({"int": [1, 2], "uniform": [1, 2]}, "must be one domain, but got int, uniform."),
    ],
)
def test_a_misspelt_domain_is_not_taken_for_a_value(node, sentence):
    (fault,) = domain_faults({"lr": node})
    assert sentence in fault.sentence


def test_without_bad_domains_the_rest_stays():
    tree = {"lr": {"uniform": [2, 1]}, "on": [{"int": [3, 1]}, {"int": [1, 3]}]}
    bad = [fault.place for fault in domain_faults(tree)]
    assert without_domains(tree, bad) == {"lr": None, "on": [None, {"int": [1, 3]}]}
