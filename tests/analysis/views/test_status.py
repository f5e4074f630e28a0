import math
import re
from dataclasses import replace
from io import StringIO

import pandas as pd
from rich.console import Console

from analysis.record.sweep import Sweep
from analysis.views.status import job_alone, summary, table
from tests.analysis.conftest import GAP, RISE


def sweep(standing="running", **columns) -> Sweep:
    """Two ended trials of 10 and 30 s, a failed one of 20 s, and two that run, of ten."""
    trials = pd.DataFrame(
        {
            "trial": range(5),
            "state": ["complete", "complete", "failed", "running", "running"],
            "failure": ["", "", "diverged\nat step 3", "", ""],
            "run_id": list("abcde"),
            "recipe": [""] * 5,
            "seconds": [10.0, 30.0, 20.0, math.nan, math.nan],
            "progress": [1.0, 1.0, 0.2, 0.5, math.nan],
            GAP.name: [25.0, 30.0, math.nan, math.nan, math.nan],
            RISE.name: [0.5, 0.6, math.nan, math.nan, math.nan],
        }
        | columns
    )
    goals = [GAP, RISE]
    return Sweep(
        "tiny",
        "r",
        standing,
        10,
        goals,
        {},
        {g.name: g for g in goals},
        [],
        [],
        trials,
        {},
        "sqlite://",
    )


def test_a_summary_by_hand():
    status = summary(sweep())
    assert status == {
        "sweep": "tiny",
        "state": "running",
        "trials": {"complete": 2, "pruned": 0, "failed": 1, "running": 2, "all": 10},
        "running": [{"trial": 3, "progress": 0.5}, {"trial": 4, "progress": 0.0}],
        "front": 1,
        "hypervolume": 0.25,  # (1 - 25 / 50) (1 - 0.5)
        "eta_s": 65.0,  # seven are left, half of one is done, 20 s each, two at a time
        "failures": {"diverged\nat step 3": 1},
        "retries": [],
        "lost": [],
    }


def test_a_sweep_without_running_trials_has_no_eta():
    assert summary(sweep("paused"))["eta_s"] is None
    ended = ["complete", "complete", "failed", "complete", "complete"]
    assert summary(sweep("running", state=ended))["eta_s"] is None


def shown(status) -> str:
    """The table of a status, in 80 columns."""
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table(status))
    return capture.get()


def test_failed_trials_that_wait_to_run_again_are_shown_with_what_runs_them():
    status = summary(replace(sweep("stopped"), retries=(2, 7)))
    assert status["retries"] == [2, 7]
    assert "trials 2, 7 wait to run again: `sweep resume tiny`" in shown(status)
    assert "trial 2 waits to run again\n" in re.sub(
        r" +\n", "\n", shown(summary(replace(sweep(), retries=(2,))))
    )
    assert "wait" not in shown(summary(sweep()))


def test_entries_that_mlflow_has_refused_are_counted():
    assert "MLflow has refused 1 entry, kept in" in shown(summary(sweep()) | {"refused": 1})


def test_the_table_fits_80_columns_and_counts_the_entries_that_wait():
    text = shown(summary(sweep()) | {"undelivered": 12})
    assert max(map(len, text.splitlines())) <= 80
    for words in ("running, some 1:05 to go", "3 of 10 trials (2 complete, 1 failed)"):
        assert words in text
    for words in ("3 (50%), 4 (0%)", "1: diverged", "12 entries are not"):
        assert words in text


def test_lost_results_are_named_with_what_to_do():
    status = summary(replace(sweep("stopped"), lost=(2, 7)))
    assert status["lost"] == [2, 7]
    words = " ".join(shown(status).split())
    assert "results of trials 2, 7, which are on no front: `sweep retry tiny` runs them" in words


def test_of_many_reasons_of_failures_the_table_has_the_most_frequent_in_short():
    reasons = [f"{number}: {'x' * 5000}" for number in range(300)]
    many = summary(sweep("finished")) | {
        "failures": dict.fromkeys(reasons, 2),
        "lost": [*range(3000)],
    }
    console = Console(width=80, record=True, file=StringIO())
    console.print(table(many))
    lines = console.export_text().splitlines()
    assert len(lines) < 100
    assert any("576 other trials" in line for line in lines)


def test_the_job_of_a_cluster_is_shown_with_why_it_has_failed_also_without_a_record():
    job = {"id": "tiny-1", "state": "failed", "why": ["[31m is no markup", "no file x.csv"]}
    for status in (summary(sweep("interrupted")) | {"job": job}, job_alone("tiny", job)):
        text = shown(status)
        assert max(map(len, text.splitlines())) <= 80
        assert "tiny-1 failed" in text
        assert "[31m is no markup" in text
        assert "no file x.csv" in text
    assert "not in the record" in shown(job_alone("tiny", job))
