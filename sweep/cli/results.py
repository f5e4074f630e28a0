"""The verbs that read the record of sweeps: list, front, compare, and MLflow's own interface."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sweep.cli.options import FAILED, WRONG, Format, Name, TrackingUri, console, leave, store_of

if TYPE_CHECKING:
    from analysis.record.sweep import Candidate, Sweep

app = typer.Typer()


@app.command(epilog="Example: sweep ls --format json")
def ls(
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """List the sweeps in the record."""
    from analysis.record import reader
    from analysis.views import sweeps_table

    try:
        sweeps = reader.list_sweeps(tracking_uri=store_of(tracking_uri))
    except ValueError as error:
        leave(FAILED, str(error))
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
        typer.Option(help="write pictures, tables and a runnable YAML of each configuration"),
    ] = None,
    every: Annotated[
        bool, typer.Option("--all", help="every candidate, not the front alone")
    ] = False,
    register: Annotated[
        bool,
        typer.Option("--register", help="put the kept models of the front into MLflow's registry"),
    ] = False,
    model_name: Annotated[
        str | None, typer.Option(help="of the registered model; that of the sweep if left out")
    ] = None,
) -> None:
    """Print a sweep's Pareto-optimal configurations, or take them home."""
    from analysis.record import reader
    from analysis.views import export, front_files, front_table

    try:
        sweep = reader.read_sweep(name, tracking_uri=store_of(tracking_uri, name))
        written = export.write(sweep, out_dir) if out_dir else []
    except ValueError as error:
        leave(FAILED, str(error))
    except OSError as error:
        leave(WRONG, f"--out-dir must be a folder that can be written, but: {error}.")
    match format_:
        case Format.JSON:
            print(front_files.to_json(sweep, every=every), end="")
        case Format.CSV:
            print(front_files.to_csv(sweep, every=every), end="")
        case Format.TABLE:
            console().print(front_table.table(sweep, every=every))
    aside = sys.stderr if format_ is not Format.TABLE else sys.stdout
    for path in written:
        print(path, file=aside)
    if register:
        for sentence in _registered(sweep, model_name or name):
            print(sentence, file=aside)


def _registered(sweep: Sweep, model: str) -> Iterator[str]:
    """Register the models of a front; a sentence for each member."""
    from mlflow.exceptions import MlflowException

    from analysis.record.sweep import Candidate
    from analysis.views.model_card import card
    from sweep.tracking import registry

    for row in sweep.front().to_dict("records"):
        member = Candidate.of(row)
        if member.alpha is not None:
            yield (
                f"trial {member}: no model of its own was kept; run its YAML (--out-dir) with --save."
            )
            continue
        goals = {goal.name: f"{row[goal.name]:.6g}" for goal in sweep.goals}
        tags = {"trial": str(member), **goals}
        try:
            text = card(sweep, member)
            version, new = registry.register(sweep.tracking_uri, model, row["run_id"], text, tags)
        except registry.NotKept as error:
            yield f"trial {member}: {error}"
        except MlflowException as error:
            leave(FAILED, f"trial {member} cannot be registered as {model!r}: {error.message}")
        else:
            was = "is" if new else "was, and stays,"
            yield f"trial {member} {was} version {version} of the registered model {model}"


@app.command(epilog="Example: sweep compare miniature base 9")
def compare(
    name: Name,
    one: Annotated[
        str, typer.Argument(metavar="TRIAL", help="its number, NUMBER@ALPHA of it, or `base`")
    ],
    other: Annotated[str, typer.Argument(metavar="TRIAL", help="what is held against it")],
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """Test whether two trials differ, or only look so: paired, on the items both were measured on."""
    from analysis.record import reader
    from analysis.stats import paired
    from analysis.views import compare_table

    try:
        sweep = reader.read_sweep(name, tracking_uri=store_of(tracking_uri, name))
        pair = _candidate(one), _candidate(other)
        found = paired.compare(sweep, *pair)
    except ValueError as error:
        leave(FAILED, str(error))
    if format_ is Format.JSON:
        print(compare_table.to_json(found), end="")
    elif format_ is Format.CSV:
        print(found.to_csv(index=False), end="")
    else:
        console().print(compare_table.table(sweep, found, *(str(each or "base") for each in pair)))


def _candidate(word: str) -> Candidate | None:
    """What `sweep front` calls a model by, or None for the base model."""
    from analysis.record.sweep import Candidate

    if word == "base":
        return None
    try:
        return Candidate.parse(word)
    except ValueError:
        leave(
            WRONG,
            f"TRIAL must be the number of a trial or `base`, but got {word!r}; its weights at an α "
            f"of its `fusion.also` are 7@0.25.",
        )


@app.command(epilog="Example: sweep ui --port 5000")
def ui(
    tracking_uri: TrackingUri = None,
    host: Annotated[
        str, typer.Option(help="beyond loopback, logging in is required")
    ] = "127.0.0.1",
    port: int = 5000,
) -> None:
    """Look at the record in MLflow's own user interface."""
    from sweep.tracking import addresses as stores

    store = store_of(tracking_uri)
    try:
        stores.refuse_password(store)
    except stores.BadAddress as error:
        leave(WRONG, str(error))
    if store.startswith("http"):
        print(f"the tracking server has its own interface: {store}")
        return
    words = ["server", "--host", host, "--port", str(port)]
    if host not in ("127.0.0.1", "localhost", "::1"):
        secrets = ("MLFLOW_AUTH_ADMIN_PASSWORD", "MLFLOW_FLASK_SERVER_SECRET_KEY")
        missing = [name for name in secrets if not os.environ.get(name)]
        if missing:
            leave(
                WRONG,
                f"--host {host} is open to others, so people must log in: set {' and '.join(missing)}"
                f" in the environment (and install mlflow[auth]), or leave --host out.",
            )
        words += ["--app-name", "basic-auth"]
    print(f"http://{host}:{port} (Ctrl-C ends it)", flush=True)
    os.environ.setdefault("MLFLOW_SERVER_ENABLE_JOB_EXECUTION", "false")
    os.environ["MLFLOW_BACKEND_STORE_URI"] = store  # not in the arguments, which others can list
    os.execv(sys.executable, [sys.executable, "-m", "mlflow", *words])
