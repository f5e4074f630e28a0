"""The folder of a queue: entries are whole or not there, come once, and stay in their order."""

import multiprocessing
import shutil

import pytest

from sweep.queue.folder import ENTRY, Queue, Refused
from sweep.remote.shipped import Shipped

CARGO = Shipped("name: x\n", {"data/pairs.csv": b"a,b\n"})


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue")


def names(entries):
    return [entry.sweep for entry in entries]


def test_what_was_added_is_there_with_its_files_also_for_another_process(queue):
    entry = queue.add("tiny", CARGO, priority=3, cap=2, no_diff=True)
    (again,) = Queue(queue.folder).entries()
    assert again == entry
    assert (entry.number, entry.priority, entry.cap, entry.no_diff) == (1, 3, 2, True)
    assert (queue.files(entry) / "sweep.yaml").read_text() == "name: x\n"
    assert (queue.files(entry) / "data" / "pairs.csv").read_bytes() == b"a,b\n"
    assert queue.why_changed(entry) == ""
    assert [path.name for path in queue.folder.iterdir() if path.is_dir()] == ["000001-tiny"]


def test_the_order_is_by_priority_then_by_arrival_and_moves_change_it(queue):
    for name, priority in (("a", 0), ("b", 5), ("c", 0), ("d", 5)):
        queue.add(name, CARGO, priority=priority)
    assert names(queue.waiting()) == ["b", "d", "a", "c"]
    assert queue.place(queue.move("c", 9)) == 1
    assert names(queue.waiting()) == ["c", "b", "d", "a"]
    queue.remove("b")
    assert names(queue.waiting()) == ["c", "d", "a"]
    assert names(queue.entries()) == ["a", "b", "c", "d"], "those removed stay listed"
    assert queue.open_entry("c").state == "waiting"


def test_one_submission_makes_one_entry_and_a_sweep_is_in_it_once(queue):
    key = "a" * 32
    first = queue.add("tiny", CARGO, key)
    assert queue.add("tiny", CARGO, key) == first
    with pytest.raises(Refused, match="tiny waits or runs in the queue already"):
        queue.add("tiny", CARGO)
    queue.remove("tiny")
    assert queue.add("tiny", CARGO).number == 2, "numbers are not used again"


def test_what_runs_is_neither_begun_again_nor_removed(queue):
    entry = queue.add("tiny", CARGO)
    begun = queue.begin(entry.number)
    assert (begun.state, begun.attempt) == ("running", 1)
    assert queue.begin(entry.number) is None
    with pytest.raises(Refused, match="must wait to be removed"):
        queue.remove("tiny")
    with pytest.raises(
        Refused, match="no entry of 'other' waits or runs in the queue: it has tiny"
    ):
        queue.remove("other")


def test_files_that_have_changed_are_told(queue):
    entry = queue.add("tiny", CARGO)
    (queue.files(entry) / "data" / "pairs.csv").write_text("a,c\n")
    assert "pairs.csv must be as it came with the sweep" in queue.why_changed(entry)


@pytest.mark.parametrize("what", ["no file", "no entry", "another"])
def test_a_damaged_entry_is_told_left_alone_and_costs_no_other(queue, what):
    told = []
    for name in ("a", "b", "c"):
        queue.add(name, CARGO)
    file = queue.folder / "000002-b" / ENTRY
    if what == "no file":
        file.unlink()
    else:
        shutil.copy(queue.folder / "000001-a" / ENTRY, file)
        if what == "no entry":
            file.write_text("{")
    again = Queue(queue.folder, on_damage=told.append)
    assert names(again.entries()) == ["a", "c"]
    assert len(told) == 1
    assert "000002-b/entry.json must hold an entry of the queue, but" in told[0]
    assert again.add("d", CARGO).number == 4, "its number is taken"


def test_a_sweep_that_cannot_be_written_leaves_nothing_of_it(queue):
    with pytest.raises(OSError, match="file"):  # a file cannot be a folder, too
        queue.add("tiny", Shipped("name: x\n", {"a": b"1", "a/b": b"2"}))
    assert queue.entries() == []
    assert not list(queue.folder.glob("*.partial")) + list(queue.folder.glob(".*.partial"))


def test_one_process_serves_it_and_clears_what_a_kill_has_left(queue):
    queue.add("tiny", CARGO)
    left = queue.folder / f".{'b' * 32}.partial"
    left.mkdir()
    assert not queue.is_served()
    with queue.serving():
        assert not left.exists()
        with (
            pytest.raises(Refused, match="is served by another process already"),
            Queue(queue.folder).serving(),
        ):
            pass
        assert Queue(queue.folder).is_served()
    assert not queue.is_served()


def add_many(folder, letter):
    queue = Queue(folder)
    for number in range(10):
        queue.add(f"{letter}{number}", CARGO)


def test_processes_that_add_at_the_same_time_lose_and_double_nothing(queue):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        pool.starmap(add_many, [(queue.folder, letter) for letter in "abc"])
    entries = queue.entries()
    assert [entry.number for entry in entries] == list(range(1, 31))
    assert len(set(names(entries))) == 30
    for letter in "abc":
        assert [n for n in names(entries) if n[0] == letter] == [f"{letter}{n}" for n in range(10)]
