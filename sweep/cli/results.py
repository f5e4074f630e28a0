"""The verbs that read the record of sweeps: ls, front, compare, ui."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import (
    FAILED,
    WRONG,
    Format,
    Name,
    TrackingUri,
    console,
    leave,
    reading,
    store_in_use,
    store_of,
)
from sweep.tracking import store_errors

if TYPE_CHECKING:
    from analysis.record.sweep import Candidate, Sweep

app = typer.Typer()


@app.command(epilog="Example: sweep ls --format json")
def ls(
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """List the sweeps in the record."""
    import pandas as pd

    from analysis.record import reader
    from analysis.views import sweeps_table
    from sweep import workspace

    uri = store_of(tracking_uri)
    if uri == workspace.local_tracking_uri() and not workspace.local_store().exists():
        sweeps = pd.DataFrame(columns=reader.LIST_COLUMNS)
    else:
        with reading():
            sweeps = reader.list_sweeps(tracking_uri=uri)
    if sweeps.empty:
        print(
            f"no sweep is recorded in {store_in_use.get()}: `sweep run SPEC` runs one; name another "
            f"store with --tracking-uri, or another folder with SWEEP_HOME.",
            file=sys.stderr,
        )
    if format_ is Format.JSON:
        print(sweeps.to_json(orient="records", date_format="iso", indent=2))
    elif format_ is Format.CSV:
        print(sweeps.to_csv(index=False), end="")
    else:
        console().print(sweeps_table.table(sweeps))


@app.command(epilog="Example: sweep front miniature --out-dir front")
def front(
    name: Name,
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    out_dir: Annotated[
        Path | None,
        typer.Option(help="write pictures, tables and a runnable YAML of each configuration here"),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="print every candidate, not the front alone")
    ] = False,
    register: Annotated[
        bool,
        typer.Option("--register", help="put the kept models of the front into MLflow's registry"),
    ] = False,
    model_name: Annotated[
        str | None,
        typer.Option(help="name of the registered model; that of the sweep if left out"),
    ] = None,
) -> None:
    """Print the Pareto-optimal configurations of a sweep, write them to files, or register them."""
    from analysis.record import reader
    from analysis.views import export, front_files, front_table

    uri = store_of(tracking_uri, name)
    try:
        with reading():
            sweep = reader.read_sweep(name, tracking_uri=uri)
            paths = export.write(sweep, out_dir) if out_dir else []
    except OSError as error:
        if store_errors.is_of_store(error):
            raise
        leave(WRONG, f"--out-dir must be a folder that can be written, but: {error}.")
    match format_:
        case Format.JSON:
            print(front_files.to_json(sweep, every=every), end="")
        case Format.CSV:
            print(front_files.to_csv(sweep, every=every), end="")
        case Format.TABLE:
            console().print(front_table.table(sweep, every=every))
    messages = sys.stderr if format_ is not Format.TABLE else sys.stdout
    for path in paths:
        print(path, file=messages)
    if register:
        num_registered, num_left = 0, 0
        for sentence, is_registered in _register(sweep, model_name or name):
            print(sentence, file=messages)
            num_registered += is_registered is True
            num_left += is_registered is False
        if num_left or not num_registered:
            leave(
                FAILED, f"{num_registered} models are registered, and not all that were asked for."
            )


def _register(sweep: Sweep, model: str) -> Iterator[tuple[str, bool | None]]:
    """Register the models of the front.

    model: the name of the registered model; each member becomes a version of it.

    Yields:
        A sentence for each member, and whether it is registered; None for one at another α, of which
        no sweep keeps a model.
    """
    from analysis.record.sweep import Candidate
    from analysis.views.model_card import card
    from sweep.tracking import registry

    for row in sweep.front().to_dict("records"):
        member = Candidate.of(row)
        if member.alpha is not None:
            yield (
                f"trial {member}: no model of its own was kept; run its YAML (--out-dir) with --save.",
                None,
            )
            continue
        goals = {goal.name: f"{row[goal.name]:.6g}" for goal in sweep.goals}
        tags = {"trial": str(member), **goals}
        try:
            text = card(sweep, member)
            version, is_new = registry.register(
                sweep.tracking_uri, model, row["run_id"], text, tags
            )
        except registry.NotKept as error:
            yield f"trial {member}: {error}", False
        except Exception as error:
            if not store_errors.is_of_store(error):
                raise
            reason = store_errors.reason(error)
            yield f"trial {member} cannot be registered as {model!r}: {reason}", False
        else:
            verb = "is" if is_new else "was, and stays,"
            yield f"trial {member} {verb} version {version} of the registered model {model}", True


@app.command(epilog="Example: sweep compare miniature base 9")
def compare(
    name: Name,
    first: Annotated[
        str,
        typer.Argument(metavar="TRIAL", help="a trial's number, NUMBER@ALPHA of it, or `base`"),
    ],
    second: Annotated[
        str, typer.Argument(metavar="TRIAL", help="another; differences are second minus first")
    ],
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """Test whether two candidates differ: a paired test on the items that both were measured on."""
    from analysis.record import reader
    from analysis.stats import paired
    from analysis.views import compare_table

    candidates = _candidate(first), _candidate(second)
    uri = store_of(tracking_uri, name)
    with reading():
        sweep = reader.read_sweep(name, tracking_uri=uri)
        comparison = paired.compare(sweep, *candidates)
    if format_ is Format.JSON:
        print(compare_table.to_json(comparison), end="")
    elif format_ is Format.CSV:
        print(comparison.to_csv(index=False), end="")
    else:
        names = [str(candidate or "base") for candidate in candidates]
        console().print(compare_table.table(sweep, comparison, *names))


def _candidate(word: str) -> Candidate | None:
    """Return the candidate that a user names by NUMBER, NUMBER@ALPHA or `base`.

    None stands for the base model.

    Raises:
        SystemExit: the word has another form.
    """
    from analysis.record.sweep import Candidate

    if word == "base":
        return None
    try:
        return Candidate.parse(word)
    except ValueError:
        leave(
            WRONG,
            f"TRIAL must be the number of a trial or `base`, but got {word!r}; the weights of trial 7 "
            f"at an α of its `fusion.also` are 7@0.25.",
        )


@app.command(epilog="Example: sweep ui --port 5000")
def ui(
    tracking_uri: TrackingUri = None,
    host: Annotated[
        str, typer.Option(help="address to listen at; beyond loopback, users must log in")
    ] = "127.0.0.1",
    port: int = 5000,
) -> None:
    """Show the record in MLflow's own user interface."""
    store = store_of(tracking_uri)
    if store.startswith("http"):
        print(f"the tracking server has its own interface: {store}")
        return
    words = ["server", "--host", host, "--port", str(port)]
    if host in ("127.0.0.1", "localhost", "::1"):
        words += ["--uvicorn-opts", "--log-level warning"]  # not a line for each request
    else:
        secrets = ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")
        missing = [name for name in secrets if not os.environ.get(name)]
        if missing:
            leave(
                WRONG,
                f"--host {host} is open to others, so people must log in: set {' and '.join(missing)}"
                f" in the environment (and install mlflow[auth]), or leave --host out.",
            )
        words += ["--app-name", "basic-auth"]
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error) if isinstance(error, socket.gaierror) else os.strerror(error.errno or 0)
        leave(FAILED, f"cannot listen at {host}:{port} ({reason}): give another --port.")
    print(f"http://{host}:{port} (Ctrl-C ends it)", flush=True)
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.environ.setdefault("PYTHONWARNINGS", "ignore")  # of MLflow's own code, four times each
    os.environ["MLFLOW_BACKEND_STORE_URI"] = store  # not in the arguments, which others can list
    os.environ.setdefault("MLFLOW_REGISTRY_STORE_URI", store)  # else it says that it takes the same
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *words])
