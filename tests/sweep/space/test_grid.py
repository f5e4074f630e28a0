"""The points of a grid, counted and looked up."""

import optuna
import pytest

from sweep.space import grid
from sweep.space.draw import suggest
from tests.sweep.space.trees import INNER, NESTED, RECIPES, SPACE


def test_the_points_of_a_grid_multiply_in_the_chosen_branch_alone_in_the_order_of_the_file():
    branches = [
        {"objective": "none"},
        {"objective": "cda", "objective.cda.sides": "one"},
        {"objective": "cda", "objective.cda.sides": "two"},
        *(
            {
                "objective": INNER,
                f"objective.{INNER}": "gap",
                f"objective.{INNER}.gap.w": weight,
                f"objective.{INNER}.gap.on": on,
            }
            for weight, on in ((1, True), (1, False), (2, True), (2, False))
        ),
        {"objective": INNER, f"objective.{INNER}": 7},
    ]
    assert grid.size(NESTED) == 16
    assert [grid.point(NESTED, number) for number in range(16)] == [
        {"size": size, **branch} for size in (500, 2000) for branch in branches
    ]
    with pytest.raises(IndexError):
        grid.point(NESTED["size"], 2)


def test_the_names_of_a_point_are_those_under_which_optuna_suggests():
    for number in range(16):
        point = grid.point(NESTED, number)
        trial = optuna.trial.FixedTrial(point)
        suggest(NESTED, trial)
        assert trial.params == point


def test_a_tree_without_a_choice_is_a_grid_of_one_point():
    assert grid.size({"a": [1, {"b": None}]}) == 1
    assert grid.point({"a": [1, {"b": None}]}, 0) == {}


def test_a_huge_grid_is_counted_and_looked_up_without_being_written_out():
    tree = {f"x{n}": {"choice": list(range(10))} for n in range(12)}
    assert grid.size(tree) == 10**12
    assert list(grid.point(tree, 123456789012).values()) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]


def test_ranges_are_faults_in_branches_too_and_their_sentence_says_how_to_write_a_choice():
    assert [fault.place for fault in grid.range_faults(SPACE)] == [
        ("lr",),
        ("objective", "choice", 3, "weight"),
        ("objective", "choice", 3, "rank"),
        ("evaluators", 1, "limit"),
    ]
    assert next(iter(grid.range_faults(SPACE))).sentence == (
        "must be a choice, as a grid runs each value, but got {loguniform: [1e-06, 0.0001]}: "
        "write {choice: [1e-06, …, 0.0001]}, or take another search.sampler."
    )
    assert list(grid.range_faults(NESTED)) == []


def test_a_grid_of_recipes_runs_each_once():
    tree = {"objective": "none", "recipe": RECIPES["recipe"]}
    assert grid.size(tree) == 4
    points = {tuple(grid.point(tree, number).values()) for number in range(4)}
    assert len(points) == 4
