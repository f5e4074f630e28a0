"""The verbs of the queue of a cluster: queue, and queue add, remove, move, serve."""

from __future__ import annotations

import json
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweep.cli.cluster_verbs import queue_calls, queue_table, queue_tree
from sweep.cli.options import (
    WRONG,
    HarnessTasks,
    Insecure,
    JobsAddress,
    Name,
    NoDiff,
    Spec,
    TableOrJson,
    known_jobs_address,
    leave,
    load_spec,
    use_harness_tasks,
)
from trainables.cli.streams import encodable, say
from trainables.schema.text.shown import MAX_NAME, as_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from sweep.queue.entry import Entry
    from sweep.queue.folder import Queue

app = typer.Typer()
verbs = typer.Typer(
    name="queue", invoke_without_command=True, epilog="Example: sweep queue --format json"
)
app.add_typer(verbs)

# As of sweep/queue/entry.py, which the options must not load.
Priority = Annotated[
    int,
    typer.Option(
        "--priority", min=-1000, max=1000, help="sweeps of a higher one begin first; 0 if left out"
    ),
]
NewPriority = Annotated[
    int, typer.Option("--priority", min=-1000, max=1000, help="higher ones begin first")
]
Cap = Annotated[
    int | None,
    typer.Option("--cap", min=1, help="the most trials at once, whatever the spec says"),
]
Form = Annotated[TableOrJson, typer.Option("--format")]
Here = Annotated[
    bool, typer.Option("--here", help="the queue of this machine, whatever cluster is known")
]


@verbs.callback()
def queue(
    context: typer.Context,
    address: JobsAddress = None,
    insecure: Insecure = False,
    here: Here = False,
    format_: Form = TableOrJson.TABLE,
) -> None:
    """List the sweeps that run, wait and have ended in the queue of a cluster; change that queue."""
    if context.invoked_subcommand is not None:
        for name in ("address", "insecure", "here", "format_"):
            source = context.get_parameter_source(name)
            if source is not None and source.name == "COMMANDLINE":
                option = f"--{name.rstrip('_')}"
                leave(WRONG, f"{option} must stand behind `queue {context.invoked_subcommand}`.")
        return
    tree = (
        queue_calls.on_head(["queue"], address)
        if queue_calls.is_elsewhere(address, here)
        else queue_tree.listing(_queue())
    )
    if format_ is TableOrJson.JSON:
        print(json.dumps(tree))
        return
    queue_table.print_table(tree)


@verbs.command(epilog="Example: sweep queue add smollm2.yaml --priority 5 --cap 2")
def add(
    spec: Spec,
    priority: Priority = 0,
    cap: Cap = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with the sweep instead of starting it")
    ] = False,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow; that of `sweep run` here if left out")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="database of the search; that of `sweep run` here if left out"),
    ] = None,
    no_diff: NoDiff = False,
    insecure: Insecure = False,
    harness_tasks: HarnessTasks = None,
    key: Annotated[str, typer.Option("--key", hidden=True)] = "",
    format_: Form = TableOrJson.TABLE,
) -> None:
    """Add a sweep to the queue of this machine, the head of a cluster (elsewhere: submit --queue)."""
    use_harness_tasks(harness_tasks)
    checked, document = load_spec(spec)
    from sweep import workspace
    from sweep.cli.cluster_verbs.passed_on import refuse_secrets
    from sweep.queue.folder import Refused
    from sweep.remote import shipped

    refuse_secrets(tracking_uri, storage)
    if key and not re.fullmatch("[0-9a-f]{32}", key):
        leave(WRONG, "--key must be 32 hexadecimal digits, as `sweep submit --queue` draws them.")
    queue_here = _queue()
    place, has_begun = as_word(workspace.home(), MAX_NAME), workspace.spec(checked.name).is_file()
    if has_begun and not resume:
        leave(
            WRONG,
            f"a sweep named {checked.name!r} is in {place} already: add it with --resume to go on with "
            f"it, or give this one another name.",
        )
    if resume and not has_begun:
        leave(WRONG, f"no sweep named {checked.name!r} is in {place}: add it without --resume.")
    try:
        entry = queue_here.add(
            checked.name, shipped.shipped(checked, document.text, harness_tasks), key,
            priority=priority, cap=cap, resume=resume, tracking_uri=tracking_uri, storage=storage,
            no_diff=no_diff, insecure=insecure,
        )  # fmt: skip
    except (shipped.NotShipped, Refused) as error:
        leave(WRONG, str(error))
    tree = queue_tree.tree_of(entry, queue_here.place(entry)) | {"served": queue_here.is_served()}
    if format_ is TableOrJson.JSON:
        print(json.dumps(tree))
    else:
        queue_tree.say_added(tree)
        if not key and queue_calls.is_elsewhere(None, here=False):
            say("that is the queue of this machine: `sweep submit --queue` adds to the cluster's.")


@verbs.command(epilog="Example: sweep queue remove smollm2")
def remove(
    name: Name,
    address: JobsAddress = None,
    insecure: Insecure = False,
    here: Here = False,
    format_: Form = TableOrJson.TABLE,
) -> None:
    """Take a sweep that waits out of the queue; it stays listed as removed."""
    if queue_calls.is_elsewhere(address, here):
        tree = queue_calls.on_head(["queue", "remove", name], address)
    else:
        tree = _changed(lambda: _queue().remove(name))
    print(json.dumps(tree) if format_ is TableOrJson.JSON else f"{name} is removed from the queue.")


@verbs.command(epilog="Example: sweep queue move smollm2 --priority 5")
def move(
    name: Name,
    priority: NewPriority,
    address: JobsAddress = None,
    insecure: Insecure = False,
    here: Here = False,
    format_: Form = TableOrJson.TABLE,
) -> None:
    """Give a sweep of the queue another priority."""
    if queue_calls.is_elsewhere(address, here):
        tree = queue_calls.on_head(["queue", "move", name, "--priority", str(priority)], address)
    else:
        tree = _changed(lambda: _queue().move(name, priority))
    where = f", at place {tree['place']}" if tree["place"] else ""
    sentence = f"{name} has the priority {priority}{where}."
    print(json.dumps(tree) if format_ is TableOrJson.JSON else sentence)


@verbs.command(epilog="Example: sweep queue serve --at-once 2")
def serve(
    at_once: Annotated[
        int, typer.Option("--at-once", min=1, help="the number of sweeps that run at the same time")
    ] = 1,
    address: JobsAddress = None,
    insecure: Insecure = False,
) -> None:
    """Start the sweeps of the queue of this machine, the head of a cluster; Ctrl-C ends this alone."""
    from sweep.queue import server
    from sweep.queue.folder import Refused
    from sweep.queue.ray_jobs import RayJobs
    from sweep.queue.scheduler import Scheduler
    from sweep.remote.addresses import JOBS_EXAMPLE

    def tell(sentence: str) -> None:
        print(encodable(f"{time.strftime('%H:%M:%S')} {sentence}"), flush=True)

    runner = RayJobs(known_jobs_address(address) or JOBS_EXAMPLE)
    queue_here = _queue()
    scheduler = Scheduler(queue_here, runner, at_once=at_once, tell=tell)
    tell(f"serving {queue_here.folder}, {at_once} at once.")
    try:
        server.serve(queue_here, scheduler)
    except Refused as error:
        leave(WRONG, str(error))


def _queue() -> Queue:
    """Return the queue of this machine, in the folder in which its jobs run sweeps."""
    from sweep import workspace
    from sweep.queue import folder

    workspace.use_home_of_jobs()
    return folder.Queue(folder.home(), on_damage=say)


def _changed(change: Callable[[], Entry]) -> dict[str, Any]:
    """Change an entry of the queue of this machine; return it as a tree for JSON.

    Raises:
        SystemExit: the queue refuses that; a sentence on stderr says why.
    """
    from sweep.queue.folder import Refused

    try:
        entry = change()
    except Refused as error:
        leave(WRONG, str(error))
    return queue_tree.tree_of(entry, _queue().place(entry))
