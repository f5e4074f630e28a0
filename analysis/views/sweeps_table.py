"""What `sweep ls` shows: the sweeps in the record."""

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table


def table(sweeps: pd.DataFrame, /) -> Table:
    """One row a sweep, as runs.list_sweeps gives them; fits in 80 columns."""
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column("sweep", overflow="fold")
    shown.add_column("state", no_wrap=True)
    for state in ("complete", "failed", "pruned", "running"):
        shown.add_column(state, justify="right", no_wrap=True)
    shown.add_column("started (UTC)", no_wrap=True)
    for row in sweeps.to_dict("records"):
        counts = [str(row[state]) for state in ("complete", "failed", "pruned", "running")]
        started = row["started"].strftime("%Y-%m-%d %H:%M")
        shown.add_row(escape(row["name"]), row["state"], *counts, started)
    return shown
