"""The outbox is on disk before anyone goes on, and forgets nothing that was not delivered."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.tracking.entries import Attached, Closed, Opened, Reported, Tagged
from sweep.tracking.outbox import Outbox, has_ended, num_waiting, size

REPORT = Reported(trial=3, at=1_000, step=5, metrics={"bias/x/gap": 0.5, "progress": 1.0})


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


def again(outbox: Outbox) -> Outbox:
    """As another process finds it."""
    return Outbox(outbox.folder)


def test_entries_come_back_as_they_were_put_in_their_order(outbox):
    put = [
        Opened(trial=3, at=1, tags={"a": "b"}, params={"train.lr": "1e-05"}, yaml="x: 1\n"),
        REPORT,
        Tagged(trial=None, tags={"sweep.asked": "go"}),
        Closed(trial=3, at=2, status="FAILED", tags={"reason": "é\n“"}),
    ]
    outbox.put(put[0])
    outbox.put(*put[1:])
    assert again(outbox).waiting(10)[0] == put


def test_what_was_delivered_does_not_wait_any_more(outbox):
    outbox.put(*(REPORT.model_copy(update={"step": step}) for step in range(5)))
    first, end = outbox.waiting(2)
    outbox.mark_delivered(end, first)
    later = again(outbox)
    assert [entry.step for entry in later.waiting(10)[0]] == [2, 3, 4]
    assert not later.is_delivered
    later.mark_delivered(later.waiting(10)[1], [])
    assert later.is_delivered


@pytest.mark.parametrize("half", [b'{"do": "rep', b"{", json.dumps({"do": "tag"}).encode()])
def test_a_line_that_a_killed_writer_left_unfinished_is_as_if_it_had_never_begun(outbox, half):
    outbox.put(REPORT)
    with (outbox.folder / "journal.jsonl").open("ab") as file:
        file.write(half)
    later = again(outbox)
    assert later.waiting(10)[0] == [REPORT]
    later.put(REPORT)
    assert later.waiting(10)[0] == [REPORT, REPORT]


def test_a_reader_beside_the_writer_sees_whole_entries_alone(outbox):
    outbox.put(REPORT)
    with (outbox.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"do"')
        file.flush()
        assert outbox.waiting(10)[0] == [REPORT]


def test_an_attachment_is_kept_until_it_is_delivered(outbox, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "weights").write_bytes(b"w")
    outbox.attach(1, b"table", "items.parquet")
    outbox.attach(1, tmp_path / "made", "model", to="model")
    entries, end = outbox.waiting(10)
    files = [outbox.files / entry.file for entry in entries]
    assert files[0].parent != files[1].parent, "each is deleted alone"
    assert all(isinstance(entry, Attached) for entry in entries)
    assert files[0].read_bytes() == b"table"
    assert (files[1] / "weights").read_bytes() == b"w"
    assert not (tmp_path / "made").exists(), "it is moved and not copied"
    outbox.mark_delivered(end, entries)
    assert list(outbox.files.iterdir()) == []


def test_what_is_put_aside_says_why(outbox):
    outbox.refuse(REPORT, "no such run")
    (line,) = (outbox.folder / "refused.jsonl").read_text().splitlines()
    assert json.loads(line) == {"entry": REPORT.model_dump(), "reason": "no such run"}


def test_what_a_full_disk_does_not_take_whole_it_does_not_take_at_all(outbox):
    outbox.put(REPORT)
    journal = outbox.folder / "journal.jsonl"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 10, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            outbox.put(REPORT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    outbox.put(REPORT)
    assert outbox.waiting(10)[0] == [REPORT, REPORT]


@pytest.mark.parametrize("after", [1, 7])
def test_what_put_has_returned_from_survives_a_kill(tmp_path, after):
    code = f"""
from pathlib import Path
from sweep.tracking.entries import Reported
from sweep.tracking.outbox import Outbox
outbox = Outbox(Path({str(tmp_path)!r}))
for step in range(10**6):
    outbox.put(Reported(trial=0, at=0, step=step, metrics={{}}))
    print(step, flush=True)
"""
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    ) as process:  # fmt: skip
        seen = [int(process.stdout.readline()) for _ in range(after)]
        process.send_signal(signal.SIGKILL)
        seen += map(int, process.stdout.read().split())
    steps = [entry.step for entry in Outbox(tmp_path).waiting(10**6)[0]]
    assert steps[: len(seen)] == seen
    assert steps == list(range(len(steps)))


def test_a_count_of_what_is_delivered_that_was_lost_means_nothing_is(outbox):
    outbox.put(REPORT)
    (outbox.folder / "delivered").write_text("")
    assert again(outbox).waiting(10)[0] == [REPORT]
    assert num_waiting(outbox.folder) == 1


def test_a_line_that_is_no_entry_is_named(outbox):
    outbox.put(REPORT)
    with (outbox.folder / "journal.jsonl").open("a") as file:
        file.write("{}\n")
    with pytest.raises(ValueError, match=r"journal\.jsonl:2 must be an entry of the record"):
        outbox.waiting(10)


def test_the_last_word_of_a_process_says_whether_the_sweep_has_ended(outbox):
    assert not has_ended(outbox.folder, since=0)
    outbox.put(REPORT, Closed(trial=None, at=2, status="FINISHED"))
    assert has_ended(outbox.folder, since=0)
    assert not has_ended(outbox.folder, since=size(outbox.folder)), "that was an earlier process"
    outbox.put(Closed(trial=None, at=3, status="KILLED"))
    assert not has_ended(outbox.folder, since=0)
    outbox.put(Closed(trial=None, at=4, status="FINISHED"))
    with (outbox.folder / "journal.jsonl").open("a") as file:
        file.write('{"do":"clo')
    assert not has_ended(outbox.folder, since=0), "the last word was cut off"
