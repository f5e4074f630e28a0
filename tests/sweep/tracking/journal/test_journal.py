"""A journal that was cut or changed, and a mark that does not fit it, are found as they are opened."""

import json
import shutil

import pytest

from sweep.tracking.journal import journal as journals
from sweep.tracking.journal.journal import Journal
from sweep.tracking.journal.marks import read_mark
from sweep.tracking.whole_file import stamp

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
        words = "1 is gone (4)" if left == NUM - 1 else f"{NUM - left} are gone ({left + 1} to 4)"
        assert fault.endswith(f"must hold {NUM} entries that were written, but {words}")
        assert journal.path.stat().st_size == ([0, *whole][left])
    journal.path.write_bytes(content + b'{"do":"tag","step')
    assert opened(journal).faults == []
    assert journal.path.read_bytes() == content


def test_what_is_put_after_a_cut_is_delivered_and_the_cut_is_said_each_time(journal):
    content = journal.path.read_bytes()
    journal.path.write_bytes(content[: ends(journal)[0]])  # less than was delivered
    later = opened(journal)
    assert steps(later, later.delivered) == []
    later.append([json.dumps({"do": "tag", "step": 9})])
    assert steps(later, later.delivered) == [9]
    for _ in range(3):
        again = opened(later)
        (fault,) = again.faults
        assert fault.endswith("must hold 5 entries that were written, but 3 are gone (2 to 4)")
        assert steps(again, again.delivered) == [9]


def test_entries_that_are_gone_from_the_middle_are_said_each_time(journal):
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(lines[0] + lines[3])
    for _ in range(2):
        fault, *_ = opened(journal).faults
        assert fault.endswith("must hold 4 entries that were written, but 2 are gone (2 to 3)")
    opened(journal).append([json.dumps({"do": "tag", "step": step}) for step in range(8)])
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[1::2]))
    (fault,) = opened(journal).faults
    assert fault.endswith("must hold 12 entries that were written, but 7 are gone (1 to 3, 5, 7 …)")


@pytest.mark.parametrize("order", [[0, 2, 1, 3], [3, 2, 1, 0], [0, 1, 1, 2, 3], [0, 1, 2, 3, 0, 1]])
def test_entries_out_of_order_or_twice_are_put_in_order_and_delivered_again(journal, order):
    content = journal.path.read_bytes()
    lines = content.splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[number] for number in order))
    later = opened(journal)
    (fault,) = later.faults
    assert fault.endswith("it is put in order, and all of it is delivered again")
    assert journal.path.read_bytes() == content
    assert steps(later, later.delivered) == [0, 1, 2, 3]
    assert opened(journal).faults == []


def test_two_entries_of_one_number_are_kept_and_said_each_time(journal, tmp_path):
    (tmp_path / "other").mkdir()
    other = Journal(tmp_path / "other")
    other.append([json.dumps({"do": "tag", "step": 7})])
    journal.path.write_bytes(journal.path.read_bytes() + other.path.read_bytes())
    assert any("but had not" in fault for fault in opened(journal).faults)
    for _ in range(2):
        later = opened(journal)
        (fault,) = later.faults
        assert fault.endswith("must have one entry of each number, but has two of 1")
        assert steps(later) == [0, 7, 1, 2, 3]


def test_a_journal_that_is_gone_is_found_by_its_marks(journal):
    journal.path.unlink()
    kept = (journal.path.parent / "delivered").read_bytes()
    (fault,) = opened(journal).faults
    assert fault.endswith("must hold 4 entries that were written, but 4 are gone (1 to 4)")
    (journal.path.parent / "written").unlink()
    (journal.path.parent / "delivered").write_bytes(kept)
    (fault,) = opened(journal).faults
    assert fault.endswith("but 2 are gone (1 to 2)"), "by the other mark"


@pytest.mark.parametrize(
    "mark", ["", "12 2 0000", "x", "17\n", "99 2 01234567 89abcdef\n", "²", "9" * 5000]
)
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


@pytest.mark.parametrize("which", ["written", "delivered"])
@pytest.mark.parametrize("words", ["", "4", "4 4 01234567 8", "four 4 01234567", "²", "9" * 5000])
def test_a_mark_with_a_right_checksum_and_other_words_is_no_traceback(journal, which, words):
    (journal.path.parent / which).write_text(stamp(words))
    assert steps(opened(journal)) == [0, 1, 2, 3]


def test_entries_whose_mark_cannot_be_written_are_in_the_journal(journal, monkeypatch):
    """As `append` must not say that they are not: they would be put there again."""

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journals, "write_whole", full)
    journal.append([json.dumps({"do": "tag", "step": 4})])
    monkeypatch.undo()
    later = opened(journal)
    assert later.faults == []
    assert steps(later) == [0, 1, 2, 3, 4]
    later.append([json.dumps({"do": "tag", "step": 5})])
    assert [line.number for line in opened(later).lines()] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("content", ["", "x", "4", "4 00000000\n"])
def test_a_damaged_mark_of_what_was_written_is_said_once_and_made_anew(journal, content):
    (journal.path.parent / "written").write_text(content)
    (fault,) = opened(journal).faults
    assert fault.endswith("is damaged: whether the last ones are gone is not known")
    assert opened(journal).faults == []
    journal.path.write_bytes(b"")
    (fault,) = opened(journal).faults
    assert fault.endswith("4 are gone (1 to 4)"), "it is known again"


def test_a_mark_of_what_was_written_that_is_gone_is_said_once(journal, tmp_path):
    mark = journal.path.parent / "written"
    lines = journal.path.read_bytes().splitlines(keepends=True)
    journal.path.write_bytes(b"".join(lines[:3]))
    mark.unlink()
    (fault,) = opened(journal).faults
    assert fault.endswith("is gone: whether the last ones are gone is not known")
    assert opened(journal).faults == []
    (tmp_path / "new").mkdir()
    assert Journal(tmp_path / "new").faults == []
    assert (tmp_path / "new" / "written").exists(), "before the first line"


@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_entries_whose_writing_is_interrupted_are_taken_back_with_their_numbers(
    journal, monkeypatch, error
):
    """A second Ctrl-C comes as a KeyboardInterrupt wherever the driver is."""
    content = journal.path.read_bytes()

    def interrupted(_):
        raise error

    monkeypatch.setattr(journals.os, "fsync", interrupted)
    with pytest.raises(type(error)):
        journal.append([json.dumps({"do": "tag", "step": 7})])
    monkeypatch.undo()
    assert journal.path.read_bytes() == content
    journal.append([json.dumps({"do": "tag", "step": 4})])
    later = opened(journal)
    assert later.faults == []
    assert steps(later) == [0, 1, 2, 3, 4]


def test_entries_are_read_once_all_of_them_are_written_and_not_before(journal, monkeypatch):
    sizes, fsync = [], journals.os.fsync

    def observed(descriptor):
        sizes.append(journal.size)
        fsync(descriptor)

    size_before = journal.size
    monkeypatch.setattr(journals.os, "fsync", observed)
    journal.append([json.dumps({"do": "tag", "step": 4})])
    assert sizes == [size_before]
    assert journal.size == journal.path.stat().st_size > size_before


def test_a_line_without_its_number_behind_the_mark_is_none_of_an_early_release(journal):
    """Whether numbered lines come before it is seen also where only what is behind it is read."""
    *before, line, last = journal.path.read_bytes().splitlines(keepends=True)
    stripped = line[: line.index(b',"number":')] + b"}\n"
    journal.path.write_bytes(b"".join([*before, stripped, last]))
    later = opened(journal)
    assert len(later.faults) == 1
    assert steps(later) == [0, 1, 3]
    assert steps(later, later.delivered) == [3]


def test_a_link_in_the_place_of_the_journal_is_not_followed(tmp_path):
    notes = tmp_path / "notes"
    notes.write_text("one line\nand half of another")
    (tmp_path / "record").mkdir()
    (tmp_path / "record/journal.jsonl").symlink_to(notes)
    with pytest.raises(OSError, match="a link is not followed here, put the file itself"):
        Journal(tmp_path / "record")
    assert notes.read_text() == "one line\nand half of another"
