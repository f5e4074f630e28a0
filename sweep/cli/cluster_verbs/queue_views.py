"""The JSON and the table of `sweep queue`: what runs, what waits in its order, and what has ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from sweep.cli.options import console
from trainables.cli.streams import say
from trainables.schema.counted import counted

if TYPE_CHECKING:
    from sweep.queue.entry import Entry
    from sweep.queue.folder import Queue

MAX_ENDED = 20  # entries that have ended, of which the table has the last ones


def listing(queue_here: Queue) -> dict[str, Any]:
    """Return a queue as a tree for JSON: those that run, those that wait in their order, the others."""
    entries = queue_here.entries()
    running = [entry for entry in entries if entry.state == "running"]
    waiting = sorted((e for e in entries if e.state == "waiting"), key=lambda entry: entry.rank)
    ended = [entry for entry in reversed(entries) if not entry.is_open]
    places = {entry.number: place for place, entry in enumerate(waiting, start=1)}
    shown = [tree_of(entry, places.get(entry.number, 0)) for entry in [*running, *waiting, *ended]]
    return {"served": queue_here.is_served(), "entries": shown}


def tree_of(entry: Entry, place: int) -> dict[str, Any]:
    """Return an entry as a tree for JSON; its place is None if it does not wait, which 0 stands for."""
    keys = {
        "number",
        "sweep",
        "state",
        "priority",
        "cap",
        "added",
        "began",
        "ended",
        "why",
        "files",
    }
    job = entry.job if entry.attempt else None
    return entry.model_dump(include=keys) | {"place": place or None, "job": job}


def say_added(tree: dict[str, Any]) -> None:
    """Print the number and the place of an entry that is on the disk, and if nothing starts it."""
    print(f"{tree['sweep']} is in the queue as number {tree['number']}, at place {tree['place']}.")
    if not tree["served"]:
        say("nothing serves the queue yet: `sweep queue serve` on the head starts its sweeps.")


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
