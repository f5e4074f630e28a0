"""The size of a grid, and the spaces that it cannot run."""

from sweep.samplers import Grid

TREE = {
    "objective": {
        "choice": [
            "none",
            {"name": "gap", "weight": {"choice": [1, 10, 100]}, "rank": {"choice": [2, 4]}},
        ]
    },
    "lr": {"choice": [1e-4, 1e-2]},
    "steps": 5,
}


def test_a_choice_within_a_branch_multiplies_that_branch_alone():
    assert Grid().is_exhaustive
    assert Grid().num_points(TREE) == (1 + 3 * 2) * 2
    assert list(Grid().faults(TREE)) == []


def test_a_range_is_a_fault_in_a_branch_too():
    gap = {"name": "gap", "weight": {"loguniform": [1, 100]}}
    tree = {"objective": {"choice": ["none", gap]}, "lr": {"uniform": [0, 1]}}
    assert [fault.place for fault in Grid().faults(tree)] == [
        ("objective", "choice", 1, "weight"),
        ("lr",),
    ]
