"""What MLflow has refused is kept in a file that is found to be damaged, and made anew."""

import resource
import signal

import pytest

from sweep.tracking.entries.kinds import Tagged
from sweep.tracking.outbox import Outbox
from sweep.tracking.refused import num_refused, refused

ENTRIES = [Tagged(trial=number, tags={"a": "b"}) for number in range(4)]


@pytest.fixture
def outbox(tmp_path):
    """An outbox of four entries, all of which MLflow was given and two of which it has refused."""
    outbox = Outbox(tmp_path)
    outbox.put(*ENTRIES)
    entries, end = outbox.next_entries(10)
    for entry in entries[1:3]:
        assert outbox.set_aside(entry, "400 Bad Request")
    outbox.mark_delivered(end, entries)
    return outbox


def test_what_was_set_aside_is_as_it_was(outbox, caplog):
    later = Outbox(outbox.folder)
    assert not later.is_damaged
    assert caplog.messages == []
    assert [row["entry"]["trial"] for row in refused(outbox.folder)] == [1, 2]
    assert later.is_delivered


@pytest.mark.parametrize("is_early", [False, True], ids=["with its mark", "of an early release"])
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\x00 \x80\n",
        b"[]\n",
        b"null\n",
        b'{"entry": {}, "reason": ""}\n',
        b'{"entry": 3, "reason": "x"}\n',
        b'{"entry": {"do": "attach", "trial": 1, "file": "../../x"}, "reason": "x"}\n',
        b"[" * 100_000,
    ],
)
def test_a_damaged_file_is_said_kept_and_made_anew_from_the_journal(
    outbox, content, is_early, caplog
):
    (outbox.folder / "refused.jsonl").write_bytes(content)
    if is_early:
        (outbox.folder / "set_aside").unlink()
    assert num_refused(outbox.folder) == bool(content)
    later = Outbox(outbox.folder)
    if is_early and not content:  # nobody can know
        assert caplog.messages == []
        return
    (message,) = caplog.messages
    assert message == (
        f"{outbox.folder}/refused.jsonl must be as it was written, but is not: it is kept as "
        f"refused.jsonl.damaged, and all of the journal is delivered again"
    )
    assert (outbox.folder / "refused.jsonl.damaged").read_bytes() == content
    assert later.next_entries(10)[0] == ENTRIES
    assert refused(outbox.folder) == []
    assert not Outbox(outbox.folder).is_damaged


def test_a_file_that_is_gone_or_has_lost_a_line_is_found(outbox):
    file = outbox.folder / "refused.jsonl"
    content = file.read_bytes()
    file.write_bytes(content.splitlines(keepends=True)[0])
    assert Outbox(outbox.folder).is_damaged
    outbox.set_aside(ENTRIES[0], "400")
    file.unlink()
    assert Outbox(outbox.folder).is_damaged


def test_a_further_refusal_is_added_to_the_file_and_not_all_of_it_written_again(outbox):
    file = outbox.folder / "refused.jsonl"
    before, inode = file.read_bytes(), file.stat().st_ino
    outbox.set_aside(ENTRIES[3], "400 Bad Request")
    assert file.read_bytes().startswith(before)
    assert file.stat().st_ino == inode
    later = Outbox(outbox.folder)
    assert not later.is_damaged
    assert [row["entry"]["trial"] for row in refused(outbox.folder)] == [1, 2, 3]


def test_what_is_refused_again_for_the_same_reason_is_written_once(outbox):
    file = outbox.folder / "refused.jsonl"
    before = file.read_bytes()
    outbox.set_aside(ENTRIES[1], "400 Bad Request")
    assert file.read_bytes() == before
    outbox.set_aside(ENTRIES[1], "413 Too Large")
    assert sorted(row["reason"] for row in refused(outbox.folder)) == [
        "400 Bad Request", "413 Too Large",
    ]  # fmt: skip
    assert not Outbox(outbox.folder).is_damaged


def test_a_refusal_that_a_full_disk_keeps_from_the_file_leaves_it_as_it_was(outbox):
    file = outbox.folder / "refused.jsonl"
    before = file.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 10, limits[1]))
        with pytest.raises(OSError, match="No space left"):
            outbox.set_aside(ENTRIES[3], "400 Bad Request")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, ignored)
    assert file.read_bytes() == before
    assert outbox.set_aside(ENTRIES[0], "400 Bad Request")
    assert not Outbox(outbox.folder).is_damaged
    assert [row["entry"]["trial"] for row in refused(outbox.folder)] == [1, 2, 0]
