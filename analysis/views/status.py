"""The status of a sweep, as JSON and as a table: progress, failures, the worth of its front."""

import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from analysis.record.names import ENDED_STATES, LIVE_STATES, Series, SweepState, TrialState
from analysis.record.sweep import Sweep
from trainables.schema.counted import clock, counted, numbered

MAX_REASONS, MAX_REASON_CHARS = 12, 300  # of failures that the table has; characters of one


def summary(sweep: Sweep, /) -> dict[str, Any]:
    """Return the status of a sweep as a tree for JSON.

    Keys:
        sweep, state: its name and state.
        trials: numbers of trials that are complete, pruned, failed and running; `all` is the number
            of trials that the sweep is to run.
        running: for each running trial its number (`trial`) and the share of steps made (`progress`).
        front: number of candidates on the front, the base model among them.
        hypervolume: see `Sweep.hypervolume`.
        eta_s: estimate of the seconds left; None unless the sweep runs and a trial has ended.
        failures: reason -> number of trials that failed for it.
        retries: numbers of trials that are to run again and have not begun to.
        lost: numbers of trials of which the record has lost results, and that are not retried yet.
    """
    trials = sweep.trials
    counts = {state: int((trials["state"] == state).sum()) for state in ENDED_STATES}
    is_live = sweep.state in LIVE_STATES
    running = trials[(trials["state"] == TrialState.RUNNING) & is_live]
    progress = (
        running[Series.PROGRESS].fillna(0.0) if Series.PROGRESS in running else [0.0] * len(running)
    )
    num_trials = max(sweep.num_trials or 0, len(trials))
    num_left = num_trials - sum(counts.values()) - float(sum(progress))
    reasons = trials.loc[trials["state"] == TrialState.FAILED, "failure"].value_counts()
    return {
        "sweep": sweep.name,
        "state": sweep.state,
        "trials": {**counts, TrialState.RUNNING: len(running), "all": num_trials},
        "running": [
            {"trial": int(number), "progress": float(share)}
            for number, share in zip(running["trial"], progress, strict=True)
        ],
        "front": sweep.front_size,
        "hypervolume": sweep.hypervolume(),
        "eta_s": _eta_s(sweep, num_left),
        "failures": {str(reason): int(num) for reason, num in reasons.items()},
        "retries": list(sweep.retries),
        "lost": list(sweep.lost),
    }


def _eta_s(sweep: Sweep, num_left: float) -> float | None:
    """Return an estimate of the seconds until a sweep ends; None if there is nothing to go by.

    It is the median duration of the trials that have ended, times those left, over those that run at
    the same time.

    num_left: trials left; the part of a running trial that is not done yet counts.
    """
    median_s = sweep.trials.loc[sweep.trials["state"].isin(ENDED_STATES), "seconds"].median()
    num_running = int((sweep.trials["state"] == TrialState.RUNNING).sum())
    if sweep.state != SweepState.RUNNING or not num_running or math.isnan(median_s):
        return None
    return float(median_s * num_left / num_running)


def job_alone(name: str, job: dict[str, Any], /) -> dict[str, Any]:
    """Return the status of a sweep that is not in the record: `state` is None.

    job: that of a cluster that was to run it, with the keys `id`, `state` and `why`.
    """
    return {"sweep": name, "state": None, "job": job}


def table(status: dict[str, Any], /) -> Table:
    """Return a status as a table of 80 columns.

    status: a tree of `summary` or of `job_alone`; it may have the keys `undelivered` and `refused`,
        numbers of entries of the record that wait for MLflow, and that it has refused; and `job`, the
        job of a cluster that runs, or ran, the sweep.
    """
    shown = Table(box=SIMPLE_HEAD, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column(no_wrap=True)
    shown.add_column()
    if status["state"] is None:
        shown.add_row(escape(status["sweep"]), "not in the record")
        _add_job(shown, status["job"])
        return shown
    counts = status["trials"]
    num_ended = sum(counts[state] for state in ENDED_STATES)
    by_state = ", ".join(f"{counts[state]} {state}" for state in ENDED_STATES if counts[state])
    eta = "" if status["eta_s"] is None else f", some {clock(status['eta_s'])} to go"
    shown.add_row(escape(status["sweep"]), f"{escape(status['state'])}{eta}")
    ended = (
        f"{num_ended} of {counted(counts['all'], 'trial')}{f' ({by_state})' if by_state else ''}"
    )
    shown.add_row("ended", ended)
    running = ", ".join(f"{row['trial']} ({row['progress']:.0%})" for row in status["running"])
    shown.add_row("running", running or "none")
    front = f"{counted(status['front'], 'candidate')}, hypervolume {status['hypervolume']:.3f}"
    shown.add_row("front", front)
    failures = status["failures"]
    for reason in list(failures)[:MAX_REASONS]:
        first_line = reason.splitlines()[0] if reason else "unknown"
        cut = "…" if len(first_line) > MAX_REASON_CHARS else ""
        line = f"{failures[reason]}: {first_line[:MAX_REASON_CHARS]}{cut}"
        shown.add_row("failed", Folded(escape(line)))
    if len(failures) > MAX_REASONS:
        num = sum(list(failures.values())[MAX_REASONS:])
        others = (
            f"{counted(num, 'other trial', 'other trials')}: `sweep status --format json` has all"
        )
        shown.add_row("failed", others)
    if numbers := status["retries"]:
        trials = numbered("trial", numbers)
        wait = "wait" if len(numbers) > 1 else "waits"
        how = "" if status["state"] in LIVE_STATES else f": `sweep resume {status['sweep']}`"
        shown.add_row("retries", escape(f"{trials} {wait} to run again{how}"))
    if numbers := status["lost"]:
        trials, are = numbered("trial", numbers), "are" if len(numbers) > 1 else "is"
        shown.add_row(
            "lost",
            escape(
                f"results of {trials}, which {are} on no front: `sweep retry "
                f"{status['sweep']}` runs {'them' if len(numbers) > 1 else 'it'} again"
            ),
        )
    if num := status.get("undelivered"):
        entries = counted(num, "entry is", "entries are")
        shown.add_row("record", f"{entries} not in MLflow yet: `sweep sync {status['sweep']}`")
    if num := status.get("refused"):
        entries = counted(num, "entry", "entries")
        shown.add_row("record", f"MLflow has refused {entries}, kept in record/refused.jsonl")
    if job := status.get("job"):
        _add_job(shown, job)
    return shown


def _add_job(shown: Table, job: dict[str, Any]) -> None:
    """Add rows for the job of a cluster: its state, and why it has failed."""
    shown.add_row("job", Folded(escape(f"{job['id']} {job['state']}")))
    for line in job["why"]:
        shown.add_row("log", Folded(escape(line)))
