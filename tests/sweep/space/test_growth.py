"""Which changes of a search space count as growth."""

import optuna
import pytest

from sweep.space.draw import suggest
from sweep.space.growth import changes, choice_labels
from tests.sweep.space.trees import INNER, NESTED


def test_the_options_of_every_choice_in_every_branch_go_by_their_search_names():
    assert choice_labels(NESTED) == {
        "size": [500, 2000],
        "objective": ["none", "cda", INNER],
        "objective.cda.sides": ["one", "two"],
        f"objective.{INNER}": ["gap", 7],
        f"objective.{INNER}.gap.w": [1, 2],
        f"objective.{INNER}.gap.on": [True, False],
    }


def test_optuna_has_been_offered_these_very_options():
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    offered = {}
    for _ in range(40):
        trial = study.ask()
        suggest(NESTED, trial)
        offered |= {
            name: list(distribution.choices) for name, distribution in trial.distributions.items()
        }
    assert offered == choice_labels(NESTED)


@pytest.mark.parametrize(
    ("new", "grown"),
    [
        ({"a": {"choice": [1, 2]}, "lr": {"uniform": [0, 1]}}, True),
        ({"a": {"choice": [1, 2, 3]}, "lr": {"uniform": [0, 1]}}, True),
        ({"a": {"choice": [1]}, "lr": {"uniform": [0, 1]}}, False),
        ({"a": {"choice": [2, 1]}, "lr": {"uniform": [0, 1]}}, False),
        ({"a": {"choice": [3, 1, 2]}, "lr": {"uniform": [0, 1]}}, False),
        ({"a": {"choice": [1, 2]}, "lr": {"uniform": [0, 2]}}, False),
        ({"a": {"choice": [1, 2]}, "lr": {"uniform": [0, 1]}, "b": 1}, False),
        ({"a": {"choice": [1, 2]}}, False),
        ({"a": 1, "lr": {"uniform": [0, 1]}}, False),
    ],
)
def test_a_space_grows_by_appended_options_alone(new, grown):
    old = {"a": {"choice": [1, 2]}, "lr": {"uniform": [0, 1]}}
    assert ([*changes(old, new)] == []) is grown


def test_options_may_be_appended_within_a_branch_too():
    def tree(*weights):
        return {"a": {"choice": ["x", {"name": "y", "w": [{"choice": list(weights)}]}]}}

    assert [*changes(tree(1), tree(1, 2))] == []
    (gone,) = changes(tree(1, 2), tree(1))
    assert gone.place == ("a", "choice", 1, "w", 0, "choice", 1)
    assert gone.sentence == "must stay 2, but is gone."


def test_a_long_value_is_cut_in_a_sentence():
    (change,) = changes({"a": "x" * 1000}, {"a": 1})
    assert len(change.sentence) < 120
