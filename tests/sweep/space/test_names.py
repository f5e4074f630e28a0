"""The names of a parameter in the file, in the search and in the record."""

import pytest
from ruamel.yaml import YAML

from sweep.space.corners import corners
from sweep.space.names import ROOT, domain_lines, searched_names, setting_place, swept_names
from tests.sweep.conftest import TINY
from tests.sweep.space.trees import RECIPES, SPACE
from trainables.config import TrialConfig
from trainables.schema.faults import dotted


def test_a_parameter_in_a_branch_has_a_name_for_the_file_the_search_and_the_record():
    weight = ROOT.key("objective").option(3, "gap").key("weight")
    assert dotted(weight.place) == "objective.choice.3.weight"
    assert weight.search == "objective.gap.weight"
    assert weight.record == "objective.weight"
    node = SPACE
    for key in weight.place:
        node = node[key]
    assert node == {"uniform": [0, 1]}, "where the file has it"


@pytest.mark.parametrize("key", ["lr", 1])
def test_outside_a_branch_the_three_are_one(key):
    under = ROOT.key("train").key(key)
    assert dotted(under.place) == under.search == under.record == f"train.{key}"


def test_in_the_record_the_keys_of_a_recipe_are_those_of_the_trial():
    recipe = ROOT.key("recipe")
    assert (recipe.search, recipe.record) == ("recipe", "recipe")
    lr = recipe.option(0, "fast").key("train").key("lr")
    assert dotted(lr.place) == "recipe.choice.0.train.lr"
    assert lr.search == "recipe.fast.train.lr"
    assert lr.record == "train.lr"
    assert ROOT.key("a").key("recipe").key("b").record == "a.recipe.b", "of the trial's own alone"


def test_the_end_of_a_range_has_a_place_as_an_option_has():
    assert setting_place(("lr",), "loguniform", 1) == ("lr", "loguniform", 1)
    assert ROOT.key("a").option(2, "x").place == setting_place(("a",), "choice", 2)


def test_swept_names_are_those_of_the_recorded_parameters_of_trials():
    trial = YAML(typ="safe", pure=True).load(TINY)["trial"]
    recorded = set()
    for corner in corners(trial):
        recorded |= TrialConfig.model_validate(corner.tree).flat().keys()
    assert swept_names(trial) == ["objective", "objective.weight", "train.lr"]
    assert {"objective.name", "objective.weight", "train.lr"} <= recorded


def test_settings_that_an_option_fixes_are_swept():
    tree = {"objective": {"choice": ["none", {"name": "cda", "sides": "two"}]}, "lr": 0.1}
    assert swept_names(tree) == ["objective", "objective.sides"]


def test_each_domain_has_one_swept_name():
    assert swept_names(SPACE) == [
        *("lr", "size", "objective", "objective.sides", "objective.weight", "objective.rank"),
        "evaluators.1.limit",
    ]


def test_settings_of_recipes_are_swept_under_the_names_of_the_trial():
    assert set(swept_names(RECIPES)) == {
        *("lr", "recipe", "objective", "objective.name", "objective.weight"),
        *("regulariser.name", "regulariser.weight", "replay.data", "replay.ratio"),
    }


def test_what_has_one_value_alone_is_not_searched():
    weights = [{"name": "kl_to_base", "weight": weight, "data": "bold"} for weight in (0.1, 1)]
    tree = {
        "objective": {"choice": [{"name": "gap", "form": "hinge", "weight": {"int": [1, 9]}}]},
        "regulariser": {"choice": ["none", {"name": "mixout", "p": 0.5}, *weights]},
        "train": {"lr": 0.1, "steps": {"choice": [30]}},
    }
    assert searched_names(tree) == ["objective.weight", "regulariser", "regulariser.weight"]
    assert list(domain_lines(tree)) == [
        "`objective.gap form=hinge.weight` from 1 to 9",
        f"`regulariser` of none, mixout p=0.5, {', '.join(f'kl_to_base weight={w} data=bold' for w in (0.1, 1))}",
    ]


def test_a_key_that_a_recipe_sets_otherwise_than_the_trial_is_searched():
    recipes = [
        {"objective": "dpo"},
        {"objective": {"name": "cda", "sides": "two"}, "train": {"lr": 0.2}},
    ]
    tree = {"train": {"lr": 0.1, "steps": 3}, "recipe": {"choice": recipes}}
    assert searched_names(tree) == ["train.lr", "recipe", "objective"]
    assert searched_names({"train": {"lr": 0.1}}) == []


def test_what_is_searched_in_a_space_without_fixed_options_is_what_is_swept():
    assert searched_names(SPACE) == swept_names(SPACE)
    assert (
        {"lr", "recipe", "objective"} <= set(searched_names(RECIPES)) <= set(swept_names(RECIPES))
    )


def test_each_domain_is_a_line_with_its_values():
    trial = YAML(typ="safe", pure=True).load(TINY)["trial"]
    assert list(domain_lines(trial)) == [
        "`objective` of none, likelihood_gap",
        "`objective.likelihood_gap.weight` from 1 to 100 (log)",
        "`train.lr` from 0.0001 to 0.01 (log)",
    ]
