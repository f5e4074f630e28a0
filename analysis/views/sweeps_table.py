"""The table of `sweep ls`: the sweeps in the record."""

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from analysis.record.names import COUNTED_STATES, SweepState

MAX_STATE = len(SweepState.INTERRUPTED)  # characters: no state is longer that a sweep writes


def table(sweeps: pd.DataFrame, /) -> Table:
    """Return a table of 80 columns with a row for each sweep.

    sweeps: a table of `analysis.record.reader.list_sweeps`.
    """
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column("sweep")
    shown.add_column("state", no_wrap=True)
    for state in COUNTED_STATES:
        shown.add_column(state, justify="right", no_wrap=True)
    shown.add_column("started (UTC)", no_wrap=True)
    for row in sweeps.to_dict("records"):
        counts = [str(row[state]) for state in COUNTED_STATES]
        time = row["started"]
        started = "not known" if pd.isna(time) else time.strftime("%Y-%m-%d %H:%M")
        shown.add_row(
            Folded(escape(row["name"])), escape(row["state"][:MAX_STATE]), *counts, started
        )
    return shown
