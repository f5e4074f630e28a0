"""The table of `sweep ls`: the sweeps in the record."""

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from analysis.record.names import SweepState, TrialState
from analysis.record.table import COUNTED_STATES

MAX_STATE = len(SweepState.INTERRUPTED)  # characters: no state is longer that a sweep writes
# Of states that are rare: beside all of them there is little room for the name of a sweep.
SHOWN_IF_ANY = (TrialState.PRUNED, TrialState.KILLED)


def table(sweeps: pd.DataFrame, /) -> Table:
    """Return a table of 80 columns with a row for each sweep.

    A state of SHOWN_IF_ANY has a column if a trial of any sweep is in it.

    sweeps: a table of `analysis.record.reader.list_sweeps`.
    """
    states = [s for s in COUNTED_STATES if s not in SHOWN_IF_ANY or sweeps[s].any()]
    is_wide = len(states) == len(COUNTED_STATES)
    shown = Table(box=SIMPLE_HEAD, padding=(0, 0 if is_wide else 1, 0, 0), pad_edge=False)
    shown.add_column("sweep")
    shown.add_column("state", no_wrap=True)
    for state in states:
        shown.add_column(state, justify="right", no_wrap=True)
    shown.add_column("started (UTC)", no_wrap=True)
    for row in sweeps.to_dict("records"):
        counts = [str(row[state]) for state in states]
        time = row["started"]
        started = "not known" if pd.isna(time) else time.strftime("%Y-%m-%d %H:%M")
        shown.add_row(
            Folded(escape(row["name"])), escape(row["state"][:MAX_STATE]), *counts, started
        )
    return shown
