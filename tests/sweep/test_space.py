import doctest

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweep import space

SPACE = {
    "lr": {"loguniform": [1e-6, 1e-4]},
    "steps": 30,
    "size": {"choice": [500, 2000]},
    "objective": {
        "choice": [
            {"name": "none"},
            {"name": "cda", "sides": "one"},
            {"name": "cda", "sides": "two"},
            {"name": "gap", "weight": {"uniform": [0, 1]}, "rank": {"int": [1, 3]}},
        ]
    },
    "evaluators": ["a", {"name": "b", "limit": {"int": [5, 9]}}],
}


def drawn(tree, number=1):
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=number))
    trial = study.ask()
    return space.suggest(tree, trial), trial


def test_a_tree_without_domains_is_suggested_as_it_is():
    tree = {"a": [1, {"b": None}], "c": "x"}
    assert drawn(tree)[0] == tree


def test_drawn_values_lie_within_their_domains():
    for number in range(50):
        tree, _ = drawn(SPACE, number)
        assert 1e-6 <= tree["lr"] <= 1e-4
        assert tree["size"] in (500, 2000)
        assert isinstance(tree["evaluators"][1]["limit"], int)
        if tree["objective"]["name"] == "gap":
            assert 0 <= tree["objective"]["weight"] <= 1
            assert tree["objective"]["rank"] in (1, 2, 3)


def test_only_the_chosen_branch_is_drawn_from():
    for number in range(30):
        tree, trial = drawn(SPACE, number)
        inside = {name for name in trial.params if name.startswith("objective.")}
        if tree["objective"]["name"] == "gap":
            assert inside == {"objective.gap.weight", "objective.gap.rank"}
        else:
            assert inside == set()


def test_branches_of_one_name_are_told_apart_by_what_is_fixed_in_them():
    (options,) = {tuple(map(space.label, SPACE["objective"]["choice"]))}
    assert options == ("none", "cda sides=one", "cda sides=two", "gap")


def test_corners_hold_every_branch_and_both_ends_of_every_domain():
    trees = [corner.tree for corner in space.corners(SPACE)]
    assert {tree["lr"] for tree in trees} == {1e-6, 1e-4}
    assert {tree["size"] for tree in trees} == {500, 2000}
    assert [t["objective"] for t in trees if t["objective"]["name"] == "cda"]
    gaps = [tree["objective"] for tree in trees if tree["objective"]["name"] == "gap"]
    assert {gap["weight"] for gap in gaps} == {0, 1}
    assert {gap["rank"] for gap in gaps} == {1, 3}
    assert {tree["evaluators"][1]["limit"] for tree in trees} == {5, 9}


def test_the_ends_of_what_is_drawn_between_are_no_whole_numbers():
    ends = [corner.tree["x"] for corner in space.corners({"x": {"uniform": [2, 9]}})]
    assert [type(end) for end in ends] == [float, float]


def test_a_corner_knows_where_in_the_file_each_value_stands():
    corner = next(c for c in space.corners(SPACE) if c.tree["objective"].get("weight") == 1)
    assert corner.origins[("objective", "weight")] == (
        *("objective", "choice", 3, "weight", "uniform", 1),
    )
    assert corner.origins[("lr",)] == ("lr", "loguniform", 0)


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
    (fault,) = space.faults({"x": bad})
    assert fault.place == place
    assert sentence in fault.sentence


def test_faults_inside_branches_are_found_all_at_once():
    tree = {"a": {"choice": [{"name": "b", "w": {"uniform": [2, 1]}}, {"int": [0, 0.5]}]}}
    assert [fault.place for fault in space.faults(tree)] == [
        ("a", "choice", 0, "w", "uniform"),
        ("a", "choice", 1, "int"),
    ]


def test_swept_names_what_options_say_of_themselves():
    tree = {"objective": {"choice": ["none", {"name": "cda", "sides": "two"}]}, "lr": 0.1}
    assert space.swept(tree) == ["objective", "objective.sides"]


def test_two_domains_of_one_mapping_are_tried_together():
    tree = {"train": {"a": {"choice": [1, 2]}, "b": {"choice": [1, 2]}}, "c": {"choice": [1, 2]}}
    tried = [(c.tree["train"]["a"], c.tree["train"]["b"], c.tree["c"]) for c in space.corners(tree)]
    assert sorted(tried) == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1), (2, 2, 1)]


def test_all_branches_are_tried_together_where_they_are_few():
    tree = {
        "a": {"choice": [{"name": "x", "w": {"choice": [1, 2]}}, {"name": "y"}]},
        "b": {"c": {"choice": [1, 2]}, "lr": {"uniform": [0, 1]}},
    }
    tried = [
        (c.tree["a"]["name"], c.tree["a"].get("w"), c.tree["b"]["c"], c.tree["b"]["lr"])
        for c in space.branches(tree)
    ]
    assert tried == [
        *(("x", 1, 1, 0.0), ("x", 1, 2, 0.0), ("x", 2, 1, 0.0), ("x", 2, 2, 0.0)),
        *(("y", None, 1, 0.0), ("y", None, 2, 0.0)),
    ]
    many = {str(n): {"choice": [0, 1]} for n in range(11)}
    assert list(space.branches(many)) == []


# By hand: 2 sizes × (none 1 + cda 2 × 1 + held 2 + 3) in one branch alone, in the order of the file.
NESTED = {
    "size": {"choice": [500, 2000]},
    "steps": 30,
    "objective": {
        "choice": [
            "none",
            {"name": "cda", "sides": {"choice": ["one", "two"]}},
            {
                "choice": [
                    {"name": "gap", "w": {"choice": [1, 2]}, "on": {"choice": [True, False]}},
                    7,
                ]
            },
        ]
    },
}
INNER = space.label(NESTED["objective"]["choice"][2])


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
    assert space.size(NESTED) == 16
    assert [space.point(NESTED, number) for number in range(16)] == [
        {"size": size, **branch} for size in (500, 2000) for branch in branches
    ]
    with pytest.raises(IndexError):
        space.point(NESTED["size"], 2)


def test_the_examples_in_the_docstrings_are_true():
    assert doctest.testmod(space) == (0, 2)


def test_a_point_has_the_very_names_that_are_suggested():
    for number in range(16):
        point = space.point(NESTED, number)
        trial = optuna.trial.FixedTrial(point)
        space.suggest(NESTED, trial)
        assert trial.params == point


def test_what_holds_no_choice_is_a_grid_of_one_point():
    assert space.size({"a": [1, {"b": None}]}) == 1
    assert space.point({"a": [1, {"b": None}]}, 0) == {}


def test_a_huge_grid_is_counted_and_looked_up_without_being_written_out():
    tree = {f"x{n}": {"choice": list(range(10))} for n in range(12)}
    assert space.size(tree) == 10**12
    assert list(space.point(tree, 123456789012).values()) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2]


def test_ranges_are_found_in_branches_and_told_how_a_grid_has_them():
    assert [fault.place for fault in space.ranges(SPACE)] == [
        ("lr",),
        ("objective", "choice", 3, "weight"),
        ("objective", "choice", 3, "rank"),
        ("evaluators", 1, "limit"),
    ]
    assert next(iter(space.ranges(SPACE))).sentence == (
        "must be a choice of values, each of which a grid runs, but got {loguniform: [1e-06, 0.0001]}"
        ": write {choice: [1e-06, …, 0.0001]}, or take another search.sampler."
    )
    assert list(space.ranges(NESTED)) == []


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"logunifrom": [1, 2]}, "is no known domain (known: uniform, loguniform, int, choice)"),
        ({"choise": ["a"]}, "did you mean 'choice'?"),
        ({"int": [1, 2], "uniform": [1, 2]}, "must be one domain, but got int, uniform."),
    ],
)
def test_what_is_nearly_a_domain_is_not_taken_for_a_value(node, sentence):
    (fault,) = space.faults({"lr": node})
    assert sentence in fault.sentence


def test_without_bad_domains_the_rest_stays():
    tree = {"lr": {"uniform": [2, 1]}, "on": [{"int": [3, 1]}, {"int": [1, 3]}]}
    bad = [fault.place for fault in space.faults(tree)]
    assert space.without(tree, bad) == {"lr": None, "on": [None, {"int": [1, 3]}]}


def test_swept_names_each_domain_once():
    assert space.swept(SPACE) == [
        *("lr", "size", "objective", "objective.sides", "objective.weight", "objective.rank"),
        "evaluators.1.limit",
    ]


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("abc", max_size=3)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text("xyz", min_size=1), trees, max_size=4))
def test_what_holds_no_domain_has_one_corner_and_no_fault(tree):
    assert [corner.tree for corner in space.corners(tree)] == [tree]
    assert list(space.faults(tree)) == []


RECIPES = {
    "lr": {"loguniform": [1e-6, 1e-4]},
    "objective": "none",
    "recipe": {
        "choice": [
            {"objective": "dpo"},
            {
                "objective": {"name": "gap", "weight": {"choice": [1, 2]}},
                "regulariser": {"name": "l2", "weight": 0.1},
            },
            {"replay": {"data": "x", "ratio": 0.5}},
        ]
    },
}


def test_the_keys_of_a_recipe_become_those_of_the_trial_in_place_of_its_own():
    trees = [drawn(RECIPES, number)[0] for number in range(30)]
    assert not any("recipe" in tree for tree in trees)
    by_kind = {str(tree["objective"]): tree for tree in trees}
    assert by_kind["dpo"].keys() == {"lr", "objective"}
    gap = by_kind[str({"name": "gap", "weight": 2})]
    assert gap["regulariser"] == {"name": "l2", "weight": 0.1}
    assert by_kind["none"]["replay"] == {"data": "x", "ratio": 0.5}


def test_every_recipe_is_checked_and_its_faults_have_their_place():
    corners = list(space.corners(RECIPES))
    assert {str(corner.tree["objective"]) for corner in corners} == {
        *("dpo", "none"),
        *(str({"name": "gap", "weight": weight}) for weight in (1, 2)),
    }
    (held,) = {c.origins[("regulariser", "weight")] for c in corners if "regulariser" in c.tree}
    assert held == ("recipe", "choice", 1, "regulariser", "weight")
    assert all(("objective",) in corner.origins for corner in corners)


def test_a_grid_of_recipes_runs_each_once():
    tree = {"objective": "none", "recipe": RECIPES["recipe"]}
    assert space.size(tree) == 4
    weights = [space.point(tree, n).values() for n in range(4)]
    assert len({tuple(each) for each in weights}) == 4


def test_what_tells_recipes_apart_goes_by_the_names_of_the_trial():
    assert set(space.swept(RECIPES)) == {
        *("lr", "recipe", "objective", "objective.name", "objective.weight"),
        *("regulariser.name", "regulariser.weight", "replay.data", "replay.ratio"),
    }


def test_settings_of_a_recipe_complete_those_of_the_trial_and_a_named_choice_replaces_it():
    tree = {
        "train": {"lr": 0.1, "steps": 3},
        "objective": {"name": "gap", "weight": 2},
        "recipe": {"choice": [{"train": {"lr": 0.5}, "objective": {"name": "dpo"}}]},
    }
    expected = {"train": {"lr": 0.5, "steps": 3}, "objective": {"name": "dpo"}}
    assert drawn(tree)[0] == expected
    (corner,) = space.corners(tree)
    assert corner.tree == expected
    assert corner.origins["train", "lr"] == ("recipe", "choice", 0, "train", "lr")
    assert corner.origins["train", "steps"] == ("train", "steps")


def test_options_that_differ_in_a_list_alone_are_told_apart():
    options = [{"name": "lora", "targets": [name]} for name in ("q_proj", "v_proj")]
    assert len({space.label(option) for option in options}) == 2
    assert not list(space.faults({"parameters": {"choice": options}}))
    drawn_from = {"name": "gap", "weight": {"choice": [1, 2]}}
    assert space.label(drawn_from) == "gap"
