"""Where a sweep stands: how far it is, what runs, what has failed, and what its front is worth."""

import math
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.record.names import LIVE_STATES, Series
from analysis.record.sweep import Sweep

STATES = ("complete", "pruned", "failed")


def summary(sweep: Sweep, /) -> dict[str, Any]:
    """As `sweep status --format json` has it.

    Keys: sweep, state, trials (how many of each state, and `all` that are to run), running (number,
    progress in [0, 1]), front (its size), hypervolume, eta_s (None while nothing runs, or nothing has
    ended), failures (reason -> how many trials).
    """
    trials = sweep.trials
    counts = {state: int((trials["state"] == state).sum()) for state in STATES}
    ended = sum(counts.values())
    hears = sweep.state in LIVE_STATES
    running = trials[(trials["state"] == "running") & hears]
    progress = (
        running[Series.PROGRESS].fillna(0.0) if Series.PROGRESS in running else [0.0] * len(running)
    )
    total = max(sweep.num_trials or 0, len(trials))
    failed = trials.loc[trials["state"] == "failed", "failure"]
    return {
        "sweep": sweep.name,
        "state": sweep.state,
        "trials": {**counts, "running": len(running), "all": total},
        "running": [
            {"trial": int(number), "progress": float(done)}
            for number, done in zip(running["trial"], progress, strict=True)
        ],
        "front": len(sweep.front()),
        "hypervolume": sweep.hypervolume(),
        "eta_s": _eta_s(sweep, total - ended, float(sum(progress))),
        "failures": {str(why): int(num) for why, num in failed.value_counts().items()},
    }


def _eta_s(sweep: Sweep, left: int, of_it_done: float) -> float | None:
    """What is left, at the median of what trials took so far, and as many at once as run now."""
    took = sweep.trials.loc[sweep.trials["state"].isin(STATES), "seconds"].median()
    at_once = int((sweep.trials["state"] == "running").sum())
    if sweep.state != "running" or not at_once or math.isnan(took):
        return None
    return float(took * (left - of_it_done) / at_once)


def table(found: dict[str, Any], /) -> Table:
    """A summary in 80 columns."""
    shown = Table(box=SIMPLE_HEAD, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column(no_wrap=True)
    shown.add_column(overflow="fold")
    counts = found["trials"]
    ended = sum(counts[state] for state in STATES)
    each = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    eta = "" if found["eta_s"] is None else f", some {_clock(found['eta_s'])} to go"
    shown.add_row(escape(found["sweep"]), f"{found['state']}{eta}")
    shown.add_row("ended", f"{ended} of {counts['all']} trials{f' ({each})' if each else ''}")
    running = ", ".join(f"{row['trial']} ({row['progress']:.0%})" for row in found["running"])
    shown.add_row("running", running or "none")
    shown.add_row("front", f"{found['front']} candidates, hypervolume {found['hypervolume']:.3f}")
    for why, num in found["failures"].items():
        shown.add_row("failed", escape(f"{num}: {why.splitlines()[0] if why else 'unknown'}"))
    if found.get("undelivered"):
        shown.add_row("record", f"{found['undelivered']} entries are not in MLflow yet")
    return shown


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
