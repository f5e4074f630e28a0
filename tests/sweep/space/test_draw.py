"""Trials drawn from a search space by a real Optuna study."""

import optuna

from sweep.space.corners import corners
from sweep.space.draw import suggest
from tests.sweep.space.trees import RECIPES, SPACE


def drawn(tree, seed=1):
    """A tree drawn by random search, and the Optuna trial that has its parameters."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    trial = study.ask()
    return suggest(tree, trial), trial


def test_a_tree_without_domains_is_suggested_as_it_is():
    tree = {"a": [1, {"b": None}], "c": "x"}
    assert drawn(tree)[0] == tree


def test_drawn_values_lie_within_their_domains():
    for seed in range(50):
        tree, _ = drawn(SPACE, seed)
        assert 1e-6 <= tree["lr"] <= 1e-4
        assert tree["size"] in (500, 2000)
        assert isinstance(tree["evaluators"][1]["limit"], int)
        if tree["objective"]["name"] == "gap":
            assert 0 <= tree["objective"]["weight"] <= 1
            assert tree["objective"]["rank"] in (1, 2, 3)


def test_only_the_chosen_branch_is_drawn_from():
    for seed in range(30):
        tree, trial = drawn(SPACE, seed)
        names = {name for name in trial.params if name.startswith("objective.")}
        if tree["objective"]["name"] == "gap":
            assert names == {"objective.gap.weight", "objective.gap.rank"}
        else:
            assert names == set()


def test_the_keys_of_a_recipe_become_those_of_the_trial_in_place_of_its_own():
    trees = [drawn(RECIPES, seed)[0] for seed in range(30)]
    assert not any("recipe" in tree for tree in trees)
    by_objective = {str(tree["objective"]): tree for tree in trees}
    assert by_objective["dpo"].keys() == {"lr", "objective"}
    gap = by_objective[str({"name": "gap", "weight": 2})]
    assert gap["regulariser"] == {"name": "l2", "weight": 0.1}
    assert by_objective["none"]["replay"] == {"data": "x", "ratio": 0.5}


def test_settings_of_a_recipe_complete_those_of_the_trial_and_a_named_choice_replaces_it():
    tree = {
        "train": {"lr": 0.1, "steps": 3},
        "objective": {"name": "gap", "weight": 2},
        "recipe": {"choice": [{"train": {"lr": 0.5}, "objective": {"name": "dpo"}}]},
    }
    expected = {"train": {"lr": 0.5, "steps": 3}, "objective": {"name": "dpo"}}
    assert drawn(tree)[0] == expected
    (corner,) = corners(tree)
    assert corner.tree == expected
    assert corner.origins["train", "lr"] == ("recipe", "choice", 0, "train", "lr")
    assert corner.origins["train", "steps"] == ("train", "steps")
