"""The table of `sweep queue`: what runs, what waits in its order, and what has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sweep.cli.options import console
from trainables.cli.streams import say
from trainables.schema.counted import counted

MAX_ENDED = 20  # entries that have ended, of which the table has the last ones


def print_table(tree: dict[str, Any]) -> None:
    """Print a queue as a table of 80 columns; that nothing is in it, or serves it, goes to stderr.

    tree: of `sweep queue --format json`.
    """
    open_entries = [entry for entry in tree["entries"] if entry["ended"] is None]
    ended = [entry for entry in tree["entries"] if entry["ended"] is not None]
    if not tree["entries"]:
        say("the queue is empty: `sweep submit --queue SPEC` adds a sweep.")
    else:
        console().print(_table([*open_entries, *ended[:MAX_ENDED]]))
    if num_more := len(ended[MAX_ENDED:]):
        earlier = counted(num_more, "earlier entry", "earlier entries")
        say(f"{earlier}: `sweep queue --format json` has all.")
    if open_entries and not tree["served"]:
        say("nothing serves the queue now: `sweep queue serve` on the head starts its sweeps.")


def _table(entries: list[dict[str, Any]]) -> Table:
    """Return a table with a row for each entry."""
    shown = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    shown.add_column("place", justify="right", no_wrap=True)
    shown.add_column("sweep", overflow="fold")
    shown.add_column("state", no_wrap=True)
    shown.add_column("priority", justify="right", no_wrap=True)
    shown.add_column("at once", justify="right", no_wrap=True)
    shown.add_column("since (UTC)", no_wrap=True)
    for entry in entries:
        since = entry["ended"] or entry["began"] or entry["added"]
        shown.add_row(
            str(entry["place"] or ""),
            escape(entry["sweep"]),
            entry["state"],
            str(entry["priority"]),
            str(entry["cap"] or ""),
            datetime.fromtimestamp(since / 1000, UTC).strftime("%Y-%m-%d %H:%M"),
        )
    return shown
