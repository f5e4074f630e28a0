"""Entries of the outbox are on disk before a trial goes on, and none is lost before its delivery."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sweep.tracking.entries.kinds import Attached, Closed, Opened, Reported, Tagged
from sweep.tracking.outbox import Outbox, has_ended, journal_size, num_waiting
from sweep.tracking.refused import refused

REPORT = Reported(trial=3, at=1_000, step=5, metrics={"bias/x/gap": 0.5, "progress": 1.0})


@pytest.fixture
def outbox(tmp_path):
    return Outbox(tmp_path / "record")


def reopened(outbox: Outbox) -> Outbox:
    """The outbox as another process opens it."""
    return Outbox(outbox.folder)


def test_entries_come_back_as_they_were_put_in_their_order(outbox):
    entries = [
        Opened(trial=3, at=1, tags={"a": "b"}, params={"train.lr": "1e-05"}, yaml="x: 1\n"),
        REPORT,
        Tagged(trial=None, tags={"sweep.asked": "go"}),
        Closed(trial=3, at=2, status="FAILED", tags={"reason": "é\n“"}),
    ]
    outbox.put(entries[0])
    outbox.put(*entries[1:])
    assert reopened(outbox).next_entries(10)[0] == entries


def test_entries_that_were_delivered_do_not_wait_any_more(outbox):
    outbox.put(*(REPORT.model_copy(update={"step": step}) for step in range(5)))
    first, end = outbox.next_entries(2)
    outbox.mark_delivered(end, first)
    later = reopened(outbox)
    assert [entry.step for entry in later.next_entries(10)[0]] == [2, 3, 4]
    assert not later.is_delivered
    later.mark_delivered(later.next_entries(10)[1], [])
    assert later.is_delivered


@pytest.mark.parametrize("half", [b'{"do": "rep', b"{", json.dumps({"do": "tag"}).encode()])
def test_a_line_that_a_killed_writer_left_unfinished_is_deleted(outbox, half):
    outbox.put(REPORT)
    with (outbox.folder / "journal.jsonl").open("ab") as file:
        file.write(half)
    later = reopened(outbox)
    assert later.next_entries(10)[0] == [REPORT]
    later.put(REPORT)
    assert later.next_entries(10)[0] == [REPORT, REPORT]


def test_a_reader_beside_the_writer_sees_whole_entries_alone(outbox):
    outbox.put(REPORT)
    with (outbox.folder / "journal.jsonl").open("ab") as file:
        file.write(b'{"do"')
        file.flush()
        assert outbox.next_entries(10)[0] == [REPORT]


def test_an_attachment_is_kept_until_it_is_delivered(outbox, tmp_path):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "weights").write_bytes(b"w")
    outbox.attach(1, b"table", "items.parquet")
    outbox.attach(1, tmp_path / "made", "model", to="model")
    entries, end = outbox.next_entries(10)
    files = [outbox.files / entry.file for entry in entries]
    assert files[0].parent != files[1].parent, "each is deleted alone"
    assert all(isinstance(entry, Attached) for entry in entries)
    assert files[0].read_bytes() == b"table"
    assert (files[1] / "weights").read_bytes() == b"w"
    assert not (tmp_path / "made").exists(), "it is moved and not copied"
    outbox.mark_delivered(end, entries)
    assert list(outbox.files.iterdir()) == []


def test_an_entry_that_is_set_aside_has_its_reason(outbox):
    outbox.set_aside(REPORT, "no such run")
    (line,) = (outbox.folder / "refused.jsonl").read_text().splitlines()
    assert json.loads(line) == {"entry": REPORT.model_dump(), "reason": "no such run"}
    assert len(refused(outbox.folder)) == 1


def test_an_entry_that_is_set_aside_twice_is_news_and_kept_once(outbox):
    assert outbox.set_aside(REPORT, "no such run")
    assert not outbox.set_aside(REPORT, "still no such run")
    assert [row["reason"] for row in refused(outbox.folder)] == ["still no such run"]


def test_the_file_of_an_entry_that_is_set_aside_stays_until_it_is_delivered(outbox):
    outbox.attach(1, b"table", "items.parquet")
    outbox.attach(1, b"notes", "notes.txt")
    entries, end = outbox.next_entries(10)
    outbox.set_aside(entries[0], "too large")
    outbox.mark_delivered(end, entries)
    assert (outbox.files / entries[0].file).read_bytes() == b"table"
    assert not (outbox.files / entries[1].file).parent.exists()
    outbox.put_back()
    (again,), end = outbox.next_entries(10)
    assert again == entries[0]
    outbox.mark_delivered(end, [again])
    assert list(outbox.files.iterdir()) == []


def test_files_that_a_kill_has_left_go_at_the_next_start_and_those_of_entries_stay(outbox):
    for name in ("taken.txt", "refused.txt", "waiting.txt"):
        outbox.attach(1, b"text", name)
    entries, _ = outbox.next_entries(10)
    outbox.set_aside(entries[1], "too large")
    first_ends = [line.end for line in outbox._journal.lines()]
    outbox.mark_delivered(first_ends[1], [])  # killed before the file is deleted
    moved = outbox.files / ("ab" * 16)
    moved.mkdir()
    (moved / "model").write_bytes(b"w")  # killed before the entry is written
    reopened(outbox)
    left = {file.name for file in outbox.files.rglob("*") if file.is_file()}
    assert left == {"refused.txt", "waiting.txt"}
    assert len([*outbox.files.iterdir()]) == 2


def test_what_the_outbox_did_not_put_there_stays_and_a_link_is_not_followed(outbox, tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/notes").write_text("of the user")
    for name in ("cd" * 16, "old"):
        (outbox.files / name).symlink_to(tmp_path / "docs")
    (outbox.files / "mine").mkdir()
    reopened(outbox)
    assert sorted(path.name for path in outbox.files.iterdir()) == ["mine", "old"]
    assert (tmp_path / "docs/notes").read_text() == "of the user"


@pytest.mark.parametrize("damage", ["no entry", "set aside", "lost end"])
def test_files_stay_while_something_that_may_have_named_them_is_damaged(outbox, damage):
    outbox.attach(1, b"text", "items.parquet")
    journal = outbox.folder / "journal.jsonl"
    if damage == "lost end":
        journal.write_bytes(b"")
    else:
        journal.write_bytes(b"{}\n")
        (outbox.folder / "written").unlink()
    if damage == "set aside":
        first = reopened(outbox)
        first.mark_delivered(first.next_entries(10)[1], [])
    reopened(outbox)
    assert [file.name for file in outbox.files.rglob("*.parquet")] == ["items.parquet"]


def test_a_new_store_lacks_the_files_that_the_lost_one_had_taken(outbox):
    for name in ("taken.txt", "refused.txt", "waiting.txt"):
        outbox.attach(1, b"text", name)
    entries, _ = outbox.next_entries(10)
    outbox.set_aside(entries[1], "too large")
    outbox.mark_delivered(journal_size(outbox.folder) - 1, entries[:2])
    assert [*outbox.delivered_entries()] == entries[:2]
    assert outbox.mark_all_undelivered() == [entries[0]]
    assert refused(outbox.folder) == []
    assert outbox.num_waiting == 3


def test_for_a_new_store_every_entry_counts_as_undelivered(outbox):
    outbox.put(REPORT, REPORT)
    outbox.mark_delivered(outbox.next_entries(10)[1], [])
    assert outbox.num_waiting == 0
    outbox.mark_all_undelivered()
    assert outbox.num_waiting == 2
    assert outbox.next_entries(10)[0] == [REPORT, REPORT]


def test_an_entry_that_does_not_fit_on_the_disk_leaves_nothing_in_the_journal(outbox):
    outbox.put(REPORT)
    journal = outbox.folder / "journal.jsonl"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (journal.stat().st_size + 10, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            outbox.put(REPORT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    outbox.put(REPORT)
    assert outbox.next_entries(10)[0] == [REPORT, REPORT]


@pytest.mark.parametrize("num_entries", [1, 7])
def test_entries_survive_a_kill_once_put_has_returned(tmp_path, num_entries):
    code = f"""
from pathlib import Path
from sweep.tracking.entries.kinds import Reported
from sweep.tracking.outbox import Outbox
outbox = Outbox(Path({str(tmp_path)!r}))
for step in range(10**6):
    outbox.put(Reported(trial=0, at=0, step=step, metrics={{}}))
    print(step, flush=True)
"""
    root = Path(__file__).parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root,
        env=os.environ | {"PYTHONPATH": str(root)},
    ) as process:  # fmt: skip
        printed = [int(process.stdout.readline()) for _ in range(num_entries)]
        process.send_signal(signal.SIGKILL)
        printed += map(int, process.stdout.read().split())
    steps = [entry.step for entry in Outbox(tmp_path).next_entries(10**6)[0]]
    assert steps[: len(printed)] == printed
    assert steps == list(range(len(steps)))


def test_without_the_count_of_delivered_bytes_every_entry_is_delivered_again(outbox):
    outbox.put(REPORT)
    (outbox.folder / "delivered").write_text("")
    assert reopened(outbox).next_entries(10)[0] == [REPORT]
    assert num_waiting(outbox.folder) == 1


def test_a_line_that_is_no_entry_is_set_aside_with_its_number(outbox):
    outbox.put(REPORT)
    with (outbox.folder / "journal.jsonl").open("a") as file:
        file.write("{}\n")
    outbox.put(REPORT)
    assert outbox.next_entries(10)[0] == [REPORT, REPORT]
    (row,) = refused(outbox.folder)
    assert row["reason"].endswith("journal.jsonl:2 is no entry of the record")
    assert row["entry"] == {"do": "line", "line": "{}"}


def test_each_of_many_lines_that_are_no_entry_has_its_place_also_when_it_is_read_again(outbox):
    (outbox.folder / "journal.jsonl").write_text("".join(f"[{n}]\n" for n in range(1, 5)))
    for _ in range(2):
        assert outbox.next_entries(10)[0] == []
        places = {row["entry"]["line"]: row["reason"] for row in refused(outbox.folder)}
        assert all(
            reason.endswith(f"jsonl:{line[1]} is no entry of the record")
            for line, reason in places.items()
        )
        assert len(places) == 4


def test_the_last_entry_tells_whether_a_process_ended_the_sweep(outbox):
    assert not has_ended(outbox.folder, since=0)
    outbox.put(REPORT, Closed(trial=None, at=2, status="FINISHED"))
    assert has_ended(outbox.folder, since=0)
    assert not has_ended(outbox.folder, since=journal_size(outbox.folder)), (
        "an earlier process ended it"
    )
    outbox.put(Closed(trial=None, at=3, status="KILLED"))
    assert not has_ended(outbox.folder, since=0)
    long = {"reason": "x" * 100_000}
    outbox.put(Closed(trial=None, at=4, status="FINISHED", tags=long))
    assert has_ended(outbox.folder, since=0)
    with (outbox.folder / "journal.jsonl").open("a") as file:
        file.write('{"do":"clo')
    assert not has_ended(outbox.folder, since=0), "the last entry is not whole"


def test_a_link_in_the_place_of_the_folder_of_files_is_refused(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / ("ab" * 16)).touch()
    (tmp_path / "record").mkdir()
    (tmp_path / "record/files").symlink_to(tmp_path / "docs")
    with pytest.raises(OSError, match="a link is not followed here"):
        Outbox(tmp_path / "record")
    assert [path.name for path in (tmp_path / "docs").iterdir()] == ["ab" * 16]


@pytest.mark.parametrize("name", ["journal.jsonl", "refused.jsonl"])
def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(name, tmp_path):
    folder = tmp_path / "record"
    folder.mkdir()
    os.mkfifo(folder / name)
    with pytest.raises(OSError, match="it must be a file, but is none"):
        Outbox(folder)
    assert num_waiting(folder) == journal_size(folder) == 0
