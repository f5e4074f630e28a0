"""How much a space is to check is counted, and refused in one sentence, before any of it is made."""

import tracemalloc

import pytest

from sweep.space.corners import corners_and_branches
from sweep.space.extent import MAX_TRIALS, MAX_VALUES, extent_faults


def choice(num):
    """A choice of so many numbers."""
    return {"choice": list(range(num))}


@pytest.mark.parametrize(
    "tree",
    [
        {"a": choice(MAX_TRIALS)},
        {"a": choice(70), "b": choice(70)},
        {"x": {"a": choice(2500)}, "y": {"b": choice(2500)}},
        {"a": choice(900), "b": {"c": {"uniform": [0, 1]}}, "fixed": list(range(90))},
        {str(n): {"choice": [{"name": m, "w": choice(20)} for m in range(2)]} for n in range(14)},
    ],
)
def test_a_space_that_can_be_checked_has_no_fault(tree):
    assert list(extent_faults(tree)) == []
    assert len(list(corners_and_branches(tree))) <= MAX_TRIALS


@pytest.mark.parametrize(
    ("tree", "place", "most", "num"),
    [
        ({"a": choice(MAX_TRIALS + 1)}, ("a",), 5000, 5001),
        ({"a": choice(2000), "b": choice(1999)}, ("a",), 5000, 3_998_000),
        ({"x": {"a": choice(10)}, "y": {"b": choice(4992)}}, ("y", "b"), 5000, 5001),
        ({"a": choice(998), "fixed": list(range(100))}, ("a",), 970, 998),
        ({"a": {"choice": [0, [choice(90), *range(40), choice(99)]]}}, ("a", "choice", 1, 41), 2272, 8911),
        ({str(n): choice(900) for n in range(100)}, ("0",), 990, "more than 10⁹"),
    ],
)  # fmt: skip
def test_a_space_that_is_too_large_is_refused_at_its_longest_domain(tree, place, most, num):
    (fault,) = extent_faults(tree)
    assert fault.place == place
    assert fault.sentence == (
        f"must leave at most {most} trials to check, but there are {num}: each option, both ends of each "
        "range, and each pair of those side by side. Shorten the longest choices, or search numbers "
        "between two ends, as {int: [low, high]}."
    )


def test_what_is_refused_is_not_made():
    tree = {"a": choice(3000), "b": choice(3000), "c": {str(n): choice(9) for n in range(300)}}
    tracemalloc.start()
    assert len(list(extent_faults(tree))) == 1
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5e6


def test_values_are_those_of_the_largest_trial():
    tree = {"a": {"choice": [list(range(MAX_VALUES // 10)), *range(15)]}}
    (fault,) = extent_faults(tree)
    assert "at most 9 trials to check, but there are 16" in fault.sentence
