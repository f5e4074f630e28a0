"""Show what is about to be submitted, and ask whether it shall be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import typer

from sweep.cli.options import WRONG, leave
from sweep.cli.planning.plan import plan_of, table_of
from trainables.cli.streams import encodable
from trainables.schema.counted import counted
from trainables.schema.text.shown import MAX_NAME, as_word

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec
    from sweep.remote.jobs import Options
    from sweep.remote.shipped import Shipped

DIGITS = 12  # of a digest that is shown


def show(spec: SweepSpec, cargo: Shipped, options: Options, address: str) -> None:
    """Print what is submitted: the size of the sweep, where it goes, and what goes with it."""
    at_once, cap = spec.resources.at_once, options.at_once
    num = min(at_once, cap) if cap and at_once else at_once
    size = f"{counted(spec.num_trials, 'trial')}, {num or 'as many as fit'} at once"
    size += f", {cap} at most" if cap and not at_once else ""
    lines = [
        (spec.name, size),
        ("cluster", address),
        ("record", options.tracking_uri or "the cluster's default"),
        ("search", options.storage or "the cluster's default"),
    ]
    digests = cargo.digests
    for name, data in cargo.contents.items():
        digest, size_of = digests[name][:DIGITS], _bytes(len(data))
        lines.append(("ships", f"{as_word(name, MAX_NAME)}, {size_of}, sha256 {digest}…"))
    if cargo.harness_tasks:
        lines.append(("ships", f"tasks in {as_word(cargo.harness_tasks, MAX_NAME)}"))
    for name in cargo.elsewhere:
        lines.append(("not here", f"{as_word(name, MAX_NAME)}, which every node must have"))
    width = max(len(left) for left, _ in lines)
    for left, right in lines:
        print(encodable(f"{left:<{width}}  {right}"))
    print(encodable(table_of(plan_of(spec, cap=cap))))
    print("The plan is for machines like this one; those of the cluster may be others.")


def confirm(yes: bool, look: Callable[[], None] | None = None) -> None:
    """Return if the user, or `--yes`, agrees to what was printed.

    look: called before the question; leaves if the answer would be in vain.

    Raises:
        SystemExit: there is no terminal to ask on, or the answer is another than yes.
    """
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        leave(
            WRONG,
            "--yes must be given where there is no terminal to ask on; nothing was submitted.",
        )
    if look is not None:
        look()
    try:
        is_wanted = typer.confirm("submit it?")
    except typer.Abort:  # the end of the input, as by Ctrl-D
        is_wanted = False
    if not is_wanted:
        leave(WRONG, "nothing was submitted.")


def _bytes(num: int) -> str:
    """Return a size in the unit that suits it."""
    if num < 10_000:
        return counted(num, "byte")
    return f"{num / 1e3:.1f} kB" if num < 1_000_000 else f"{num / 1e6:.1f} MB"
