"""Concrete trials that stand for a whole search space."""

from hypothesis import given
from hypothesis import strategies as st

from sweep.space.corners import branches, corners, corners_and_branches, num_to_check
from sweep.space.faults import domain_faults
from tests.sweep.space.trees import RECIPES, SPACE


def test_corners_hold_every_branch_and_both_ends_of_every_domain():
    trees = [corner.tree for corner in corners(SPACE)]
    assert {tree["lr"] for tree in trees} == {1e-6, 1e-4}
    assert {tree["size"] for tree in trees} == {500, 2000}
    assert [t["objective"] for t in trees if t["objective"]["name"] == "cda"]
    gaps = [tree["objective"] for tree in trees if tree["objective"]["name"] == "gap"]
    assert {gap["weight"] for gap in gaps} == {0, 1}
    assert {gap["rank"] for gap in gaps} == {1, 3}
    assert {tree["evaluators"][1]["limit"] for tree in trees} == {5, 9}


def test_the_ends_of_a_uniform_range_are_no_whole_numbers():
    ends = [corner.tree["x"] for corner in corners({"x": {"uniform": [2, 9]}})]
    assert [type(end) for end in ends] == [float, float]


def test_a_corner_knows_where_in_the_file_each_value_stands():
    corner = next(
        corner for corner in corners(SPACE) if corner.tree["objective"].get("weight") == 1
    )
    assert corner.origins[("objective", "weight")] == (
        *("objective", "choice", 3, "weight", "uniform", 1),
    )
    assert corner.origins[("lr",)] == ("lr", "loguniform", 0)


def test_two_domains_of_one_mapping_are_tried_together():
    tree = {"train": {"a": {"choice": [1, 2]}, "b": {"choice": [1, 2]}}, "c": {"choice": [1, 2]}}
    tried = [(c.tree["train"]["a"], c.tree["train"]["b"], c.tree["c"]) for c in corners(tree)]
    assert sorted(tried) == [(1, 1, 1), (1, 1, 2), (1, 2, 1), (2, 1, 1), (2, 2, 1)]


def test_all_branches_are_tried_together_where_they_are_few():
    tree = {
        "a": {"choice": [{"name": "x", "w": {"choice": [1, 2]}}, {"name": "y"}]},
        "b": {"c": {"choice": [1, 2]}, "lr": {"uniform": [0, 1]}},
    }
    tried = [
        (c.tree["a"]["name"], c.tree["a"].get("w"), c.tree["b"]["c"], c.tree["b"]["lr"])
        for c in branches(tree)
    ]
    assert tried == [
        *(("x", 1, 1, 0.0), ("x", 1, 2, 0.0), ("x", 2, 1, 0.0), ("x", 2, 2, 0.0)),
        *(("y", None, 1, 0.0), ("y", None, 2, 0.0)),
    ]
    many = {str(n): {"choice": [0, 1]} for n in range(11)}
    assert list(branches(many)) == []


scalars = st.none() | st.booleans() | st.integers(-5, 5) | st.text("abc", max_size=3)
trees = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3)
    ),
)


@given(st.dictionaries(st.text("xyz", min_size=1), trees, max_size=4))
def test_a_tree_without_a_domain_has_one_corner_and_no_fault(tree):
    assert [corner.tree for corner in corners(tree)] == [tree]
    assert list(domain_faults(tree)) == []


domains = st.builds(lambda n: {"choice": list(range(n))}, st.integers(1, 4)) | st.just(
    {"int": [0, 5]}
)
spaces = st.dictionaries(
    st.text("xyz", min_size=1),
    st.recursive(
        domains | st.just(0),
        lambda inner: (
            st.dictionaries(st.text("xyz", min_size=1), inner, max_size=3)
            | st.builds(
                lambda options: {"choice": options}, st.lists(inner, min_size=1, max_size=3)
            )
        ),
        max_leaves=6,
    ),
    max_size=3,
)


@given(spaces)
def test_corners_and_branches_are_counted_and_each_is_there_once(space):
    made = [repr(corner) for corner in corners_and_branches(space)]
    assert set(made) == {repr(corner) for corner in (*corners(space), *branches(space))}
    assert len(made) == num_to_check(space, most=10**6)
    num_corners = sum(1 for _ in corners(space))
    assert num_to_check(space, most=num_corners - 1) == num_corners


def test_every_recipe_is_checked_and_its_faults_have_their_place():
    drawn = list(corners(RECIPES))
    assert {str(corner.tree["objective"]) for corner in drawn} == {
        *("dpo", "none"),
        *(str({"name": "gap", "weight": weight}) for weight in (1, 2)),
    }
    (origin,) = {c.origins[("regulariser", "weight")] for c in drawn if "regulariser" in c.tree}
    assert origin == ("recipe", "choice", 1, "regulariser", "weight")
    assert all(("objective",) in corner.origins for corner in drawn)
