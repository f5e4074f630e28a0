"""The entries under way: what is left of them, and their parts."""

from pathlib import Path

from sweep.tracking.batch import Batch
from sweep.tracking.entries.kinds import Tagged

NO_FILES = Path("absent")


def test_what_is_settled_is_not_left_though_another_entry_is_equal():
    one, twin, other = (Tagged(trial=0, tags={"a": value}) for value in "xxy")
    batch = Batch([one, twin, other], 90)
    batch.settle([one])
    assert [id(entry) for entry in batch.left_of(batch.entries)] == [id(twin), id(other)]


def test_entries_are_halved_and_one_entry_is_divided_once():
    """The parts must be the same objects at each attempt, as they are settled one by one."""
    one, other = (Tagged(trial=0, tags={"a": value, "b": value}) for value in "xy")
    batch = Batch([one, other], 90)
    assert batch.divided(batch.entries, NO_FILES) == [[one], [other]]
    [first], [second] = batch.divided([one], NO_FILES)
    assert (first.tags, second.tags) == ({"a": "x"}, {"b": "x"})
    batch.settle([first])
    [again], [left] = batch.divided([one], NO_FILES)
    assert batch.left_of([again, left]) == [left]
    assert left is second
    assert batch.with_parts() == [one, other, first, second]


def test_what_cannot_be_divided_has_no_parts():
    entry = Tagged(trial=0, tags={"a": "x"})
    assert Batch([entry], 9).divided([entry], NO_FILES) == []
