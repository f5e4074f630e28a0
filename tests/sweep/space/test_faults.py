import pytest

from sweep.space.faults import faults, without


@pytest.mark.parametrize(
    ("bad", "place", "sentence"),
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
def test_a_domain_that_cannot_be_drawn_from_is_one_sentence(bad, place, sentence):
    (fault,) = faults({"x": bad})
    assert fault.place == place
    assert sentence in fault.sentence


def test_faults_inside_branches_are_found_all_at_once():
    tree = {"a": {"choice": [{"name": "b", "w": {"uniform": [2, 1]}}, {"int": [0, 0.5]}]}}
    assert [fault.place for fault in faults(tree)] == [
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
def test_what_is_nearly_a_domain_is_not_taken_for_a_value(node, sentence):
    (fault,) = faults({"lr": node})
    assert sentence in fault.sentence


def test_without_bad_domains_the_rest_stays():
    tree = {"lr": {"uniform": [2, 1]}, "on": [{"int": [3, 1]}, {"int": [1, 3]}]}
    bad = [fault.place for fault in faults(tree)]
    assert without(tree, bad) == {"lr": None, "on": [None, {"int": [1, 3]}]}
