"""The verb `ls`: the sweeps of a store."""

from __future__ import annotations

from typing import Annotated

import typer

from analysis.record.names import LIVE_STATES, TrialState
from sweep.cli.options import Format, TrackingUri, console, reading, store_in_use, store_of
from trainables.cli.streams import say
from trainables.schema.counted import counted

app = typer.Typer()

MAX_SENTENCES = 10  # about sweeps that have lost results


@app.command(epilog="Example: sweep ls --format json")
def ls(
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """List the sweeps in the record."""
    import pandas as pd

    from analysis.formats import writing
    from analysis.record import reader
    from analysis.views import sweeps_table
    from sweep import workspace
    from sweep.driver.liveness import state_here

    uri = store_of(tracking_uri)
    if uri == workspace.local_tracking_uri() and not workspace.local_store().exists():
        sweeps = pd.DataFrame(columns=reader.LIST_COLUMNS)
    else:
        with reading():
            sweeps = reader.list_sweeps(tracking_uri=uri)
        named = zip(sweeps["name"], sweeps["state"], strict=True)
        sweeps["state"] = [state_here(name, uri, state) for name, state in named]
        is_over = ~sweeps["state"].isin(LIVE_STATES)
        sweeps.loc[is_over, TrialState.KILLED] += sweeps.loc[is_over, TrialState.RUNNING]
        sweeps.loc[is_over, TrialState.RUNNING] = 0
    if sweeps.empty:
        say(
            f"no sweep is recorded in {store_in_use.get()}: `sweep run SPEC` runs one; name another "
            f"store with --tracking-uri, or another folder with SWEEP_HOME."
        )
    lossy = sweeps[sweeps[TrialState.LOST].fillna(0) > 0]
    first = lossy.head(MAX_SENTENCES)
    for name, num in zip(first["name"], first[TrialState.LOST], strict=True):
        trials, them = counted(int(num), "trial"), "it" if num == 1 else "them"
        where = f"`sweep status {name}` names {them}"
        say(f"the record of {name} has lost results of {trials}: {where}.")
    if num_more := len(lossy) - len(first):
        say(f"so have those of {counted(num_more, 'further sweep')}.")
    if format_ is Format.JSON:
        print(sweeps.to_json(orient="records", date_format="iso", indent=2))
    elif format_ is Format.CSV:
        print(writing.csv_text(sweeps), end="")
    else:
        console().print(sweeps_table.table(sweeps))
