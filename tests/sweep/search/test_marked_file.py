"""A search's journal whose content was changed is refused, also where Optuna would take it."""

import os

import optuna
import pytest

from sweep.search.journal import open_journal
from sweep.search.marked_file import mark_of
from sweep.tracking.whole_file import DamagedFile


@pytest.fixture
def journal(tmp_path):
    """The path of a journal with one trial."""
    path = tmp_path / "search.journal"
    study = optuna.create_study(storage=open_journal(path), study_name="x")
    trial = study.ask()
    trial.suggest_float("lr", 0.001, 0.002)
    study.tell(trial, 0.25)
    return path


def test_a_number_that_changes_is_found(journal):
    content = journal.read_bytes()
    assert content.count(b"0.25") == 1
    journal.write_bytes(content.replace(b"0.25", b"0.35"))
    with pytest.raises(
        DamagedFile, match=r"search\.journal must be as it was written, but its first"
    ):
        open_journal(journal)
    assert b"0.35" in journal.read_bytes(), "what is refused is left as it is"
    journal.write_bytes(content)
    open_journal(journal)


def test_an_older_copy_and_lines_of_another_program_are_not_refused_here(journal):
    content = journal.read_bytes()
    open_journal(journal).create_new_study([optuna.study.StudyDirection.MINIMIZE], "later")
    with journal.open("ab") as file:
        file.write(b'{"op_code": 2, "worker_id": "w", "study_id": 0, "user_attr": {"note": "n"}}\n')
    open_journal(journal)
    journal.write_bytes(content)
    open_journal(journal)


def test_an_intact_copy_may_be_put_back_after_another_was_opened(journal):
    content = journal.read_bytes()
    for other in (b"", content[:200]):
        journal.write_bytes(other)
        optuna.create_study(storage=open_journal(journal), study_name="y")
        journal.write_bytes(content)
        open_journal(journal)
    journal.write_bytes(content.replace(b"0.25", b"0.35"))
    with pytest.raises(DamagedFile, match="must be as it was written"):
        open_journal(journal)


def test_a_kill_as_an_older_copy_becomes_as_long_as_what_was_lost_leaves_a_mark_that_fits(
    journal, monkeypatch
):
    def create_studies(storage, num, name):
        for number in range(num):
            storage.create_new_study([optuna.study.StudyDirection.MINIMIZE], f"{name} {number}")

    def killed(*_):
        raise KeyboardInterrupt

    content = journal.read_bytes()
    create_studies(open_journal(journal), 5, "lost")
    journal.write_bytes(content)
    storage = open_journal(journal)
    monkeypatch.setattr(os, "pwrite", killed)
    with pytest.raises(KeyboardInterrupt):
        create_studies(storage, 99, "new")
    monkeypatch.undo()
    open_journal(journal)
    journal.write_bytes(journal.read_bytes().replace(b"0.25", b"0.35"))
    with pytest.raises(DamagedFile, match="must be as it was written"):
        open_journal(journal)


@pytest.mark.parametrize(
    "mark", [None, b"", b"12", b"9 00000000 7\n", b"120 00000000\n", b"\xff\xfe 1234567 "]
)
def test_without_a_mark_nothing_is_known(journal, mark):
    mark_of(journal).unlink()
    if mark is not None:
        mark_of(journal).write_bytes(mark)
    journal.write_bytes(journal.read_bytes().replace(b"0.25", b"0.35"))
    open_journal(journal)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        *((text, "is damaged") for text in ("", "x", "3 00000000\n")),
        (None, "is not there (early releases made none)"),
    ],
)
def test_a_damaged_mark_and_one_that_is_gone_are_said_and_made_anew(
    journal, content, fault, caplog
):
    mark_of(journal).unlink()
    if content is not None:
        mark_of(journal).write_text(content)
    open_journal(journal)
    (warning,) = caplog.messages
    assert warning.startswith(
        f"{mark_of(journal)} must hold the size and the checksum of search.journal, but {fault}: "
    )
    open_journal(journal)
    assert len(caplog.messages) == 1


def test_a_new_journal_lacks_no_mark_and_neither_does_one_that_a_killed_start_left_empty(
    tmp_path, caplog
):
    open_journal(tmp_path / "new.journal")
    (tmp_path / "empty.journal").touch()
    open_journal(tmp_path / "empty.journal")
    assert caplog.messages == []
