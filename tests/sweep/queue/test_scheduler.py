"""Which entries begin, go on and end; the jobs are small commands, or files that a test writes."""

import time

import pytest

from sweep.queue.folder import Queue
from sweep.queue.scheduler import MAX_ATTEMPTS, Away, Ended, Scheduler, StillThere
from sweep.remote.shipped import Shipped
from tests.sweep.queue.stand_in import Commands


class Jobs:
    """A Runner whose jobs stand as a test says.

    stands: standing by the name of the sweep; those that are not in it are unknown.
    started: (name of the sweep, id of the job, whether it is the first) of each start.
    trouble: an error that `start` raises; None for none.
    """

    def __init__(self):
        self.stands, self.started, self.trouble = {}, [], None

    def standings(self, entries):
        if isinstance(self.trouble, Away):
            raise self.trouble
        return {entry.number: self.stands.get(entry.sweep, "unknown") for entry in entries}

    def start(self, entry, files, *, is_first):
        if self.trouble:
            raise self.trouble
        self.started.append((entry.sweep, entry.job, is_first))
        self.stands[entry.sweep] = "running"


@pytest.fixture
def queue(tmp_path):
    return Queue(tmp_path / "queue")


@pytest.fixture
def jobs():
    return Jobs()


@pytest.fixture
def told():
    return []


@pytest.fixture
def turn(queue, jobs, told):
    return Scheduler(queue, jobs, at_once=2, tell=told.append).turn


def add(queue, *names, **settings):
    for name in names:
        queue.add(name, Shipped("name: x\n"), **settings)


def states(queue):
    return {entry.sweep: entry.state for entry in queue.entries()}


def started(jobs):
    return [name for name, _, _ in jobs.started]


def test_so_many_run_at_once_by_priority_then_by_arrival(queue, jobs, turn):
    add(queue, "a", "b")
    add(queue, "c", priority=1)
    turn()
    turn()
    assert started(jobs) == ["c", "a"]
    jobs.stands["c"] = Ended(0)
    turn()
    assert started(jobs) == ["c", "a", "b"]
    assert states(queue) == {"a": "running", "b": "running", "c": "done"}


@pytest.mark.parametrize(
    ("code", "state"),
    [(0, "done"), (1, "failed"), (2, "wrong"), (130, "interrupted"), (7, "failed")],
)
def test_an_entry_ends_as_the_process_of_its_sweep_and_stays_listed(queue, jobs, turn, code, state):
    add(queue, "a")
    turn()
    jobs.stands["a"] = Ended(code, "a reason")
    turn()
    (entry,) = queue.entries()
    assert (entry.state, entry.why) == (state, "" if code == 0 else "a reason")
    assert entry.began <= entry.ended
    turn()
    assert started(jobs) == ["a"]


def test_a_job_that_the_cluster_does_not_know_is_started_again_under_its_id(queue, jobs, turn):
    add(queue, "a")
    turn()
    jobs.stands.clear()  # the head was killed
    turn()
    assert jobs.started == [("a", "a-q1-1", True), ("a", "a-q1-1", False)]


def test_what_runs_goes_on_before_what_waits_whatever_its_priority(queue, jobs, turn):
    add(queue, "a", "b")
    turn()
    add(queue, "c", priority=9)
    jobs.stands.clear()
    turn()
    assert started(jobs) == ["a", "b", "a", "b"]


def test_a_job_that_is_lost_while_the_head_lives_is_tried_a_few_times(queue, jobs, turn):
    add(queue, "a")
    turn()
    for attempt in range(1, MAX_ATTEMPTS):
        jobs.stands["a"] = Ended(None, "the supervisor died")
        turn()
        assert jobs.started[-1] == ("a", f"a-q1-{attempt + 1}", False)
    jobs.stands["a"] = Ended(None, "the supervisor died")
    turn()
    assert states(queue) == {"a": "failed"}
    assert len(jobs.started) == MAX_ATTEMPTS


def test_while_the_cluster_is_away_nothing_begins_or_ends_and_it_is_told_once(
    queue, jobs, turn, told
):
    add(queue, "a", "b")
    turn()
    add(queue, "c", priority=9)
    told.clear()
    jobs.trouble = Away("it is away")
    for _ in range(3):
        turn()
    assert (states(queue), told) == (
        {"a": "running", "b": "running", "c": "waiting"},
        ["it is away"],
    )
    jobs.trouble = None
    turn()
    assert started(jobs) == ["a", "b"]


def test_a_start_of_which_nothing_is_known_is_made_up_for(queue, jobs, turn):
    add(queue, "a")
    jobs.trouble = Away("the connection was dropped")
    turn()
    assert states(queue) == {"a": "running"}
    jobs.trouble = None
    turn()
    assert jobs.started == [("a", "a-q1-1", False)]


def test_a_sweep_whose_earlier_process_is_still_there_waits_for_its_end(queue, jobs, turn, told):
    add(queue, "a")
    jobs.trouble = StillThere("a: an earlier process still runs it")
    turn()
    turn()
    assert (states(queue), jobs.started) == ({"a": "running"}, [])
    assert told.count("a: an earlier process still runs it") == 1
    jobs.trouble = None
    turn()
    assert started(jobs) == ["a"]


def test_a_sweep_whose_files_have_changed_in_the_queue_fails_with_the_reason(queue, jobs, turn):
    add(queue, "a", "b")
    (queue.files(queue.open_entry("a")) / "sweep.yaml").write_text("name: y\n")
    turn()
    assert started(jobs) == ["b"]
    (a, b) = queue.entries()
    assert (a.state, b.state) == ("failed", "running")
    assert "sweep.yaml must be as it came with the sweep" in a.why


def test_a_folder_that_cannot_be_written_for_a_while_costs_nothing(queue, jobs, turn, told):
    add(queue, "a")
    in_the_way = queue.folder / "000001-a" / "entry.json.new"
    in_the_way.mkdir()
    turn()
    turn()
    assert (jobs.started, len(told)) == ([], 1)
    assert "must be a folder that can be written, but: " in told[0]
    in_the_way.rmdir()
    turn()
    assert started(jobs) == ["a"]


def test_commands_of_this_machine_run_in_their_order(queue, tmp_path):
    add(queue, "a", "b")
    add(queue, "c", priority=1)
    commands = Commands(tmp_path / "commands")
    one = Scheduler(queue, commands, at_once=1, tell=print)
    deadline = time.monotonic() + 20
    while {*states(queue).values()} != {"done"} and time.monotonic() < deadline:
        one.turn()
        time.sleep(0.01)
    assert commands.order() == ["c", "a", "b"]
