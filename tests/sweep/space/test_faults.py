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
        ({"choice": [1, 1]}, ("x", "choice"), "must have different options, but 2 of them are 1."),
        ({"choice": ["\x1b[2J"] * 3}, ("x", "choice"), r"but 3 of them are '\x1b[2J'."),
        ({"int": [10**400, 1]}, ("x", "int"), "must have low < high"),
        (
            {"uniform": [1, float("inf")]},
            ("x", "uniform"),
            "must be two numbers [low, high], but got [1, inf].",
        ),
        ({"uniform": [float("nan"), 1]}, ("x", "uniform"), "must be two numbers"),
        (
            {"uniform": [[[]], {}]},
            ("x", "uniform"),
            "must be two numbers [low, high], but got [[[]], {}].",
        ),
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


@pytest.mark.parametrize("kind", ["choice", "int", "uniform", "loguniform"])
def test_what_is_long_is_shown_in_short(kind):
    for argument in (list(range(10**5)), "x" * 10**6, [["y" * 10**6]] * 2, [10**400] * 9):
        for fault in domain_faults({"x": {kind: argument}}):
            assert len(fault.sentence) < 200


@pytest.mark.parametrize(
    "space", [{"choice": [{"a": 1}, {"a": 2}]}, {"int": [1, 2]}, {"choise": [1]}]
)
def test_a_whole_space_is_no_domain(space):
    (fault,) = domain_faults(space)
    assert fault.place == (next(iter(space)),)
    assert without_domains(space, [fault.place]) is None
