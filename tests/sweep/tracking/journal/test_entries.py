"""Entries are read from a journal as far as they are there, and nothing of it is changed."""

from sweep.tracking.entries.kinds import Tagged
from sweep.tracking.journal.entries import entries_of
from sweep.tracking.outbox import Outbox

ENTRIES = [Tagged(trial=number, tags={"a": "b"}) for number in range(3)]


def test_entries_are_read_between_two_bytes_without_what_is_none(tmp_path):
    assert [*entries_of(tmp_path)] == []
    outbox = Outbox(tmp_path)
    outbox.put(*ENTRIES)
    content = (tmp_path / "journal.jsonl").read_bytes()
    first, second, _ = content.splitlines(keepends=True)
    assert [*entries_of(tmp_path)] == ENTRIES
    assert [*entries_of(tmp_path, len(first + second))] == ENTRIES[:2]
    assert [*entries_of(tmp_path, start=len(first))] == ENTRIES[1:]
    damaged = content.replace(b'"b"', b'"c"', 1) + b'{"do": "ta'
    (tmp_path / "journal.jsonl").write_bytes(damaged)
    assert [*entries_of(tmp_path)] == ENTRIES[1:]
    assert (tmp_path / "journal.jsonl").read_bytes() == damaged
