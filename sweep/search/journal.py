"""Optuna's journal of a search, a file of one operation a line: open it, and refuse a damaged one.

Optuna passes over some of what is wrong with a journal, and raises errors of any class for the rest.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from optuna.storages import BaseStorage, JournalStorage
from optuna.storages.journal import BaseJournalBackend
from optuna.trial import TrialState

from sweep.search.marked_file import MarkedFile, refuse_changed
from sweep.tracking.whole_file import DamagedFile
from trainables.schema.plain_json import from_json, is_finite_number
from trainables.schema.text.shown import as_value

# Operations of Optuna's journal, by their `op_code`.
CREATE_STUDY, CREATE_TRIAL, SET_STATE, LAST = 0, 4, 6, 10
BEGINNING = b'{"op_code":'  # of every line


def open_journal(path: Path) -> BaseStorage:
    """Return the Optuna storage of a journal file, which is created unless there is one.

    A line that a killed writer has left unfinished is cut off: Optuna would refuse every later line. A
    last line that lacks its line break alone gets it. A file that is refused is left as it is.

    Raises:
        DamagedFile: the path is that of no file; a line of the file is none of Optuna's, is there
            twice, or has costs that are no numbers; or it is not as it was written.
    """
    refuse_folder(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        lines = _sound_lines(path)
        refuse_changed(path)
        _end_last_line(path, lines)
    Path(f"{path}.lock").unlink(missing_ok=True)  # left by a killed writer
    return JournalStorage(MarkedFile(path))


def refuse_folder(path: Path) -> None:
    """Raise DamagedFile if something other than a file is where a journal must be."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        kind = "a link" if path.is_symlink() else "a folder" if path.is_dir() else "none"
        raise DamagedFile(
            f"{path} must be a file, Optuna's journal, but is {kind}: move it away, then put the "
            f"journal back or start anew with --replace."
        )


def _end_last_line(path: Path, lines: _Lines) -> None:
    """End the last line of a journal, whose lines were read: by its line break, or cut it off."""
    if lines.is_unfinished:
        os.truncate(path, lines.num_bytes)
    elif lines.lacks_line_break:
        with path.open("ab") as file:
            file.write(b"\n")


def _is_unfinished(line: bytes) -> bool:
    """Return whether a line is the beginning of an operation, as a killed writer leaves it.

    So are zeros, which a power cut may leave where something was to be written.
    """
    if not line.strip(b"\0"):
        return True
    if line.endswith(b"\n") or line[: len(BEGINNING)] != BEGINNING[: len(line)]:
        return False
    try:
        from_json(line)
    except ValueError:
        return True
    return False


def _sound_lines(path: Path) -> _Lines:
    """Return the lines of a journal, after reading it.

    Raises:
        DamagedFile: a line is not as it was written; the message has file and line.
    """
    lines = _Lines(path)
    try:
        JournalStorage(lines)
    # Optuna's are of many classes: KeyError, TypeError, AssertionError, …
    except Exception as error:
        reason = str(error) if isinstance(error, _Damaged) else f"cannot be applied ({error!r})"
        raise DamagedFile(
            f"{path}:{lines.number} must be an entry of Optuna's journal, but {reason}: put an intact "
            f"copy back, or start anew with --replace."
        ) from error
    return lines


class _Damaged(ValueError):
    """A line of a journal is not as Optuna writes it; the message is a clause without a subject."""


class _Lines(BaseJournalBackend):
    """The lines of a journal that is read once, from its beginning.

    number: of the line that was read last, counted from 1.
    num_bytes: of all whole lines that were read.
    is_unfinished: whether the last line is the beginning of one.
    lacks_line_break: whether the last line is whole but for its line break.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.number = self.num_bytes = 0
        self.is_unfinished = self.lacks_line_break = False

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """Yield the operation in each line.

        Raises:
            _Damaged: a line is no operation, repeats an earlier one, or has costs that are no numbers.
        """
        number_of: dict[bytes, int] = {}
        self.num_bytes = 0
        with self._path.open("rb") as file:
            for self.number, line in enumerate(file, start=1):
                self.is_unfinished = _is_unfinished(line)
                if self.is_unfinished:  # no line follows it
                    return
                self.num_bytes += len(line)
                self.lacks_line_break = not line.endswith(b"\n")
                operation = _operation(line)
                if _comes_once(operation):
                    earlier = number_of.setdefault(line.strip(), self.number)
                    if earlier != self.number:
                        raise _Damaged(f"repeats line {earlier}")
                yield operation

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Raise NotImplementedError: nothing is written."""
        raise NotImplementedError


def _operation(line: bytes) -> dict[str, Any]:
    """Return the operation in a line of a journal.

    Raises:
        _Damaged: it is none, or has costs that are no numbers.
    """
    try:
        operation = from_json(line)
    except ValueError as error:
        raise _Damaged("is no JSON") from error
    code = operation.get("op_code") if isinstance(operation, dict) else None
    if type(code) is not int or not 0 <= code <= LAST:
        raise _Damaged(f"has no op_code from 0 to {LAST}")
    if code in (CREATE_TRIAL, SET_STATE) and operation.get("state") == TrialState.COMPLETE:
        costs = operation.get("values")
        costs = [operation.get("value")] if costs is None else costs
        if not isinstance(costs, list) or not all(map(is_finite_number, costs)):
            raise _Damaged(f"must have finite numbers as costs, and has {as_value(costs)}")
    return dict(operation)


def _comes_once(operation: Mapping[str, Any]) -> bool:
    """Return whether no second line is equal to that of an operation: it has a time, or a process.

    Each process that opens a study creates it, which does nothing if it is there.
    """
    code = operation["op_code"]
    is_timed = operation.get("datetime_start") is not None
    return code in (CREATE_STUDY, SET_STATE) or (code == CREATE_TRIAL and is_timed)
