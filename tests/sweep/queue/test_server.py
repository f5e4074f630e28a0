"""A server of a queue that is killed at random moments: of a hundred entries none is lost or doubled."""

import random
import subprocess
import sys
import time

import pytest

from sweep.queue.folder import Queue
from sweep.remote.shipped import Shipped
from tests.markdown import ROOT
from tests.sweep.queue.stand_in import Commands

NUM_ENTRIES, SEED = 120, 20261128


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("loses_jobs", [False, True], ids=["server", "server and head"])
def test_of_many_entries_none_is_lost_doubled_or_out_of_order(tmp_path, loses_jobs):
    draws = random.Random(SEED)
    queue, commands = Queue(tmp_path / "queue"), Commands(tmp_path / "commands")
    priorities = {f"s{number}": draws.randrange(4) for number in range(NUM_ENTRIES)}
    for name, priority in priorities.items():
        queue.add(name, Shipped("name: x\n"), priority=priority)
    words = [sys.executable, "-m", "tests.sweep.queue.stand_in", queue.folder, commands.folder, "1"]
    num_kills, deadline = 0, time.monotonic() + 850

    def num_steps():
        """How often something has begun or ended so far."""
        return len(commands.order()) + sum(not entry.is_open for entry in queue.entries())

    while (num_before := num_steps()) < 2 * NUM_ENTRIES:
        assert time.monotonic() < deadline, queue.waiting()
        server = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL)
        enough = min(2 * NUM_ENTRIES, num_before + draws.randrange(1, 50))
        while num_steps() < enough:
            time.sleep(draws.uniform(0.01, 0.05))
        server.kill()
        server.wait()
        num_kills += 1
        if loses_jobs:
            time.sleep(0.1)
            commands.forget()
    by_rank = sorted(priorities, key=lambda name: (-priorities[name], int(name[1:])))
    assert commands.order() == by_rank
    taken = (commands.folder / "taken").read_text().split()
    assert len(taken) >= NUM_ENTRIES if loses_jobs else taken == by_rank
    assert {entry.state for entry in queue.entries()} == {"done"}
    assert num_kills > 5
