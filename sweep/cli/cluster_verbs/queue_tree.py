"""The JSON of `sweep queue`: what runs, what waits in its order, and what has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trainables.cli.streams import say

if TYPE_CHECKING:
    from sweep.queue.entry import Entry
    from sweep.queue.folder import Queue


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
    place = f"at place {tree['place']}" if tree["place"] else "and begins"
    print(f"{tree['sweep']} is in the queue as number {tree['number']}, {place}.")
    if not tree["served"]:
        say("nothing serves the queue yet: `sweep queue serve` on the head starts its sweeps.")
