"""A journal that was cut or changed, and a mark that does not fit it, are found as they are opened."""

import json
import shutil

import pytest

from sweep.tracking.journal import Journal, read_mark

NUM = 4


@pytest.fixture
def journal(tmp_path):
    """A journal of four entries, of which two are delivered."""
    journal = Journal(tmp_path)
    journal.append([json.dumps({"do": "tag", "step": 0})])
    journal.append([json.dumps({"do": "tag", "step": step}) for step in range(1, NUM)])
    journal.mark_delivered([line.end for line in journal.lines()][1])
    return journal


def steps(journal: Journal, start: int = 0) -> list[int]:
    """Return which entries are read from a byte on."""
    return [json.loads(line.entry)["step"] for line in journal.lines(start) if line.entry]


def opened(journal: Journal) -> Journal:
    """Return the journal as another process opens it."""
    return Journal(journal.path.parent)


def ends(journal: Journal) -> list[int]:
    """Return where each line ends."""
    return [line.end for line in journal.lines()]


def test_a_journal_that_is_as_it_was_left_has_no_faults(journal):
    later = opened(journal)
    assert later.faults == []
    assert steps(later) == [0, 1, 2, 3]
    assert steps(later, later.delivered) == [2, 3]
    assert [line.number for line in later.lines()] == [1, 2, 3, 4]


def test_every_byte_that_changes_is_found(journal, tmp_path):
    content = journal.path.read_bytes()
    for place in range(len(content)):
        for flip in (1, 128):
            folder = tmp_path / "copy"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(tmp_path, folder, ignore=lambda *_: ["copy"])
            changed = bytearray(content)
            changed[place] ^= flip
            (folder / "journal.jsonl").write_bytes(changed)
            later = Journal(folder)
            assert later.faults, (place, flip)
            assert len(steps(later)) < NUM, "what was changed is no entry"


def test_every_cut_is_found_but_for_one_in_a_line_that_was_not_written_whole(journal, tmp_path):
    content, whole = journal.path.read_bytes(), ends(journal)
    for size in range(len(content)):
        journal.path.write_bytes(content[:size])
        (fault,) = opened(journal).faults
        left = sum(end <= size for end in whole)
        assert f"{NUM} entries that were written, but ends behind entry {left}" in fault
        assert journal.path.stat().st_size == ([0, *whole][left])
    journal.path.write_bytes(content + b'{"do":"tag","step')
    assert opened(journal).faults == []
    assert journal.path.read_bytes() == content


def test_what_is_put_after_a_cut_is_delivered_and_the_cut_is_said_once(journal):
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[: ends(journal)[0]])  # less than was delivered
    later = opened(journal)
    assert steps(later, later.delivered) == []
    later.append([json.dumps({"do": "tag", "step": 9})])
    assert steps(later, later.delivered) == [9]
    again = opened(later)
    assert again.faults == []
    assert steps(again, again.delivered) == [9]


def test_a_journal_that_is_gone_is_found_by_its_marks(journal):
    journal.path.unlink()
    kept = (journal.path.parent / "delivered").read_bytes()
    (fault,) = opened(journal).faults
    assert fault.endswith("but ends behind entry 0: 4 entries are gone")
    (journal.path.parent / "written").unlink()
    (journal.path.parent / "delivered").write_bytes(kept)
    (fault,) = opened(journal).faults
    assert fault.endswith("but ends behind entry 0: 2 entries are gone"), "by the other mark"


@pytest.mark.parametrize("mark", ["", "12 2 0000", "x", "17\n", "99 2 01234567 89abcdef\n"])
def test_a_mark_that_does_not_fit_has_everything_delivered_again(journal, mark):
    (journal.path.parent / "delivered").write_text(mark)
    later = opened(journal)
    assert steps(later, later.delivered) == [0, 1, 2, 3]
    assert bool(later.faults) == (mark != ""), "without a mark nothing has been delivered yet"


def test_every_byte_of_a_mark_that_changes_is_found(journal):
    path = journal.path.parent / "delivered"
    content = path.read_bytes()
    for place in range(len(content)):
        changed = bytearray(content)
        changed[place] ^= 2
        path.write_bytes(changed)
        later = opened(journal)
        assert steps(later, later.delivered) == [0, 1, 2, 3]
        (fault,) = later.faults
        assert fault.endswith("all of it is delivered again")


def test_a_mark_behind_what_was_delivered_delivers_that_again(journal):
    kept = (journal.path.parent / "delivered").read_bytes()
    journal.mark_delivered(ends(journal)[-1])
    (journal.path.parent / "delivered").write_bytes(kept)
    later = opened(journal)
    assert later.faults == []
    assert steps(later, later.delivered) == [2, 3]


def test_lines_and_the_mark_of_an_early_release_are_read_and_gone_on_from(tmp_path):
    lines = [json.dumps({"do": "tag", "step": step}) + "\n" for step in range(3)]
    (tmp_path / "journal.jsonl").write_text("".join(lines))
    (tmp_path / "delivered").write_text(str(len(lines[0])))
    journal = Journal(tmp_path)
    assert journal.faults == []
    assert steps(journal, journal.delivered) == [1, 2]
    journal.append([json.dumps({"do": "tag", "step": 3})])
    later = opened(journal)
    assert later.faults == []
    assert [line.number for line in later.lines()] == [0, 0, 0, 4]
    assert steps(later, later.delivered) == [1, 2, 3]
    (tmp_path / "delivered").write_text("100000")
    (fault,) = opened(journal).faults
    assert "must have the 100000 bytes that MLflow was given" in fault


def test_a_mark_names_the_line_that_it_stands_behind(journal):
    mark = read_mark(journal.path.parent / "delivered")
    assert (mark.size, mark.number) == (journal.delivered, 2)
