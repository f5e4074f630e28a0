"""Trials of which a journal may have lost something are named."""

import json
from pathlib import Path

import pytest

from sweep.tracking.journal.faults import faults_of
from sweep.tracking.journal.lines import line_of, lines_of

PATH = Path("journal.jsonl")
# Trial 0 runs from entry 1 to 4, trial 1 from 2 to 6, trial 2 from 5 on.
ENTRIES = [("open", 0), ("open", 1), ("report", 0), ("close", 0), ("open", 2), ("close", 1)]
ENTRIES += [("report", 2), ("tag", None)]


@pytest.mark.parametrize(
    ("gone", "trials"),
    [
        ([3], "trials 0, 1"),
        ([4], "trials 0, 1"),  # its end, so that 0 seems to run on
        ([6], "trials 1, 2"),
        ([8], "trial 2"),
        ([1], "trial 0"),
        ([1, 2, 3, 4, 5, 6, 7], "trial 2"),
    ],
)
def test_what_ran_at_a_gap_is_named(gone, trials):
    lines = [
        line_of(json.dumps({"do": do, "trial": n}).encode(), i)
        for i, (do, n) in enumerate(ENTRIES, 1)
    ]
    content = b"".join(line for i, line in enumerate(lines, start=1) if i not in gone)
    (fault,) = faults_of(PATH, lines_of(content), written=8)
    expected = "" if gone == [1, 2, 3, 4, 5, 6, 7] else f"; perhaps some of {trials}"
    assert fault.endswith(f"){expected}")
    changed = b"".join(
        line if i not in gone else b"x" + line for i, line in enumerate(lines, start=1)
    )
    (fault,) = faults_of(PATH, lines_of(changed), written=8)
    assert fault.endswith(f"){expected}")


@pytest.mark.parametrize("line", [b"[" * 100_000, b"[]", b"7", b"9" * 5000, b"\xff"])
def test_a_line_of_an_early_release_that_is_no_entry_is_of_no_trial(line):
    content = line + b"\n" + line_of(b'{"do": "open", "trial": 0}', 3)
    (fault,) = faults_of(PATH, lines_of(content), written=3)
    assert fault == f"{PATH} must hold 3 entries that were written, but 1 is gone (2)"
