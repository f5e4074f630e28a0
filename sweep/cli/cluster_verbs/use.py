"""The verb that keeps the addresses of a cluster: use."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli.options import WRONG, leave, without_blanks
from trainables.cli.streams import encodable, say

app = typer.Typer()


@app.command(epilog="Example: sweep use http://127.0.0.1:8265 --tracking-uri http://127.0.0.1:5000")
def use(
    address: Annotated[
        str | None,
        typer.Argument(
            metavar="[ADDRESS]",
            callback=without_blanks,
            help="the job API of a Ray cluster, http://HOST:8265",
        ),
    ] = None,
    tracking_uri: Annotated[
        str | None, typer.Option(help="MLflow, as this machine and the cluster reach it")
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(help="database of searches, as the cluster reaches it, postgresql://…"),
    ] = None,
    forget: Annotated[bool, typer.Option("--forget", help="keep no addresses any more")] = False,
) -> None:
    """Keep the addresses of a cluster, without secrets, for all verbs; show them if none is given."""
    from sweep.remote import addresses
    from sweep.tracking.store.addresses import BadAddress

    if forget and (address or tracking_uri or storage):
        leave(WRONG, "--forget must stand alone, but got addresses to keep, too.")
    if address is None and (tracking_uri or storage):
        leave(
            WRONG, "ADDRESS must be given with --tracking-uri and --storage: all are kept together."
        )
    if forget:
        was_there = addresses.forget()
        print("no addresses are kept any more." if was_there else "no addresses were kept.")
        return
    if address is not None:
        try:
            path = addresses.keep(addresses.cluster(address, tracking_uri, storage))
        except BadAddress as error:
            leave(WRONG, str(error))
        say(f"kept in {path}: an option or a variable of the environment goes before it.")
    kept = addresses.kept()
    if kept is None:
        print("no addresses are kept: `sweep use ADDRESS` keeps those of a cluster.")
        return
    for name, value in (
        ("job API", kept.address),
        ("MLflow", kept.tracking_uri or "not named: that of the environment, or of local sweeps"),
        ("search", kept.storage or "not named: a journal of each sweep, on the head"),
    ):
        print(encodable(f"{name:<8} {value}"))
