"""The command line: `sweep --help`.

Verbs import what they need inside, so that help and a spec's faults come at once.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweep import lifecycle
from sweep.terminal import (
    DONE,
    FAILED,
    INTERRUPTED,
    WRONG,
    Format,
    Name,
    TrackingUri,
    console,
    leave,
    store_of,
)

if TYPE_CHECKING:
    from analysis.runs import Candidate, Sweep
    from sweep.spec import SweepSpec
    from sweep.tracking import Record
    from sweep.tuner import Started
    from trainables.yaml_file import Document

# What is not installed everywhere, and the part of the project that brings it.
PARTS = {"ray": "sweep", "optuna": "sweep", "mlflow": "analysis", "moocore": "analysis"}
PARTS |= {"matplotlib": "analysis", "plotly": "analysis", "torch": "train", "deepspeed": "train"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the debiasing recipe that forgets least: sweeps over real trials, their "
    "Pareto-optimal configurations in hand.",
    epilog="Example: sweep run sweep/specs/miniature.yaml && sweep front miniature",
)

Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="the sweep's YAML file")]
Storage = Annotated[
    str | None,
    typer.Option(
        envvar="OPTUNA_STORAGE",
        show_envvar=True,
        help="database of the search, as postgresql://…; a journal in the sweep's folder if left out",
    ),
]
Address = Annotated[
    str | None,
    typer.Option(help="a Ray cluster that is up: auto or HOST:PORT; this machine if left out"),
]

app.add_typer(lifecycle.app)


@app.command(epilog="Example: sweep check sweep/specs/smollm2.yaml")
def check(spec: Spec) -> None:
    """Say everything that is wrong with a spec, or with its models and data (fetched if need be)."""
    from sweep import inputs
    from sweep.space import names
    from trainables.cache import AssetError

    checked, _ = _load(spec)
    try:
        inputs.prepare(checked)
    except inputs.DoNotFit as error:
        leave(WRONG, str(error))
    except AssetError as error:
        leave(FAILED, str(error))
    trials = f"{checked.num_trials} trials"
    sampler = checked.search.sampler
    if sampler.is_exhaustive:
        trials += f" of a {sampler.name} of {sampler.num_points(checked.trial)} points"
    print(f"{spec} is right: {trials}, goals {', '.join(checked.goals)}.")
    print(f"searched: {', '.join(names.swept(checked.trial)) or 'nothing'}")


@app.command(epilog="Example: sweep run sweep/specs/miniature.yaml")
def run(
    spec: Spec,
    tracking_uri: TrackingUri = None,
    storage: Storage = None,
    address: Address = None,
    replace: Annotated[
        bool, typer.Option(help="delete an earlier sweep of this name first")
    ] = False,
) -> None:
    """Run a sweep from its spec to its front. Ctrl-C leaves it ready for `sweep resume`."""
    checked, document = _load(spec)
    from sweep import tuner

    _to_the_end(
        checked,
        lambda: tuner.run(
            checked,
            document,
            tracking_uri=tracking_uri,
            storage=storage,
            address=address,
            replace=replace,
            on_start=_begun,
        ),
    )


@app.command(epilog="Example: sweep resume miniature")
def resume(
    name: Name,
    tracking_uri: TrackingUri = None,
    storage: Storage = None,
    address: Address = None,
) -> None:
    """Go on with a sweep that was paused, interrupted or killed: what has ended is not run again."""
    from sweep import home

    if lifecycle.unpause(name, store_of(tracking_uri, name)):
        return
    written = home.folder(name) / "sweep.yaml"
    if not written.is_file():
        leave(WRONG, f"no sweep named {name!r} was run here: {written} does not exist.{_others()}")
    checked, document = _load(written)
    if checked.name != name:
        leave(WRONG, f"{written} must keep its name, {name}, but is now named {checked.name!r}.")
    from sweep import tuner

    _to_the_end(
        checked,
        lambda: tuner.resume(
            checked,
            document,
            tracking_uri=tracking_uri,
            storage=storage,
            address=address,
            on_start=_begun,
        ),
    )


@app.command(epilog="Example: sweep ls --format json")
def ls(
    tracking_uri: TrackingUri = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
) -> None:
    """List the sweeps in the record."""
    from analysis import listing, runs

    try:
        sweeps = runs.list_sweeps(tracking_uri=store_of(tracking_uri))
    except ValueError as error:
        leave(FAILED, str(error))
    if format_ is Format.JSON:
        print(sweeps.to_json(orient="records", date_format="iso", indent=2))
    elif format_ is Format.CSV:
        print(sweeps.to_csv(index=False), end="")
    else:
        console().print(listing.table(sweeps))


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
    from analysis import export, front, runs

    try:
        sweep = runs.read_sweep(name, tracking_uri=store_of(tracking_uri, name))
        written = export.write(sweep, out_dir) if out_dir else []
    except ValueError as error:
        leave(FAILED, str(error))
    except OSError as error:
        leave(WRONG, f"--out-dir must be a folder that can be written, but: {error}.")
    match format_:
        case Format.JSON:
            print(front.to_json(sweep, every=every), end="")
        case Format.CSV:
            print(front.to_csv(sweep, every=every), end="")
        case Format.TABLE:
            console().print(front.table(sweep, every=every))
    aside = sys.stderr if format_ is not Format.TABLE else sys.stdout
    for path in written:
        print(path, file=aside)
    if register:
        for sentence in _registered(sweep, model_name or name):
            print(sentence, file=aside)


def _registered(sweep: Sweep, model: str) -> Iterator[str]:
    """Register the models of a front; a sentence for each member."""
    from mlflow.exceptions import MlflowException

    from analysis.card import card
    from analysis.runs import Candidate
    from sweep import tracking

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
            version, new = tracking.register(sweep.tracking_uri, model, row["run_id"], text, tags)
        except tracking.NotKept as error:
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
    from analysis import compare, runs

    try:
        sweep = runs.read_sweep(name, tracking_uri=store_of(tracking_uri, name))
        pair = _candidate(one), _candidate(other)
        found = compare.compare(sweep, *pair)
    except ValueError as error:
        leave(FAILED, str(error))
    if format_ is Format.JSON:
        print(compare.to_json(found), end="")
    elif format_ is Format.CSV:
        print(found.to_csv(index=False), end="")
    else:
        console().print(compare.table(sweep, found, *(str(each or "base") for each in pair)))


def _candidate(word: str) -> Candidate | None:
    """What `sweep front` calls a model by, or None for the base model."""
    from analysis.runs import Candidate

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
    from sweep import store as stores

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


@app.command(epilog="Example: sweep submit smollm2.yaml --address http://127.0.0.1:8265 --follow")
def submit(
    spec: Spec,
    address: Annotated[str, typer.Option(help="the job API of a Ray cluster, http://HOST:8265")],
    tracking_uri: Annotated[
        str | None, typer.Option(help="as the cluster sees it; its own default if left out")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with it instead")] = False,
    follow: Annotated[bool, typer.Option("--follow", help="show the log until it ends")] = False,
) -> None:
    """Hand a sweep to a Ray cluster, to run there whatever becomes of this machine."""
    checked, document = _load(spec)
    if not address.startswith(("http://", "https://")):
        leave(WRONG, f"--address must be http://HOST:PORT of the job API, but got {address!r}.")
    if "@" in (tracking_uri or ""):
        leave(
            WRONG,
            "--tracking-uri must hold no password, which everyone on the cluster could read: put it "
            "into ~/.mlflow/credentials of its nodes.",
        )
    from sweep import cluster

    try:
        job = cluster.submit(
            checked, document.path, address=address, tracking_uri=tracking_uri, resume=resume
        )
    except cluster.Unreachable as error:
        leave(FAILED, str(error))
    print(f"submitted as {job}", flush=True)
    if follow:
        raise SystemExit(DONE if cluster.follow(job, address=address) else FAILED)


def _load(path: Path) -> tuple[SweepSpec, Document]:
    from sweep.spec import load
    from trainables.yaml_file import SpecError

    try:
        return load(path)
    except SpecError as error:
        leave(WRONG, str(error))


def _to_the_end(spec: SweepSpec, start: Any) -> None:
    """Run, then show the front and name its files; what stopped us becomes an exit code."""
    from sweep import home, inputs, outbox, store, tracking, tuner
    from trainables.cache import AssetError

    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as in the background of a script
        signal.signal(signal.SIGINT, Interrupt())
    sys.unraisablehook = _unraisable
    before = outbox.size(home.folder(spec.name) / "record")
    try:
        record: Record = start()
        _show_the_end(spec, record)
    except (inputs.DoNotFit, tracking.SweepExists, store.BadAddress, tuner.CannotRun) as error:
        leave(WRONG, str(error))
    except AssetError as error:
        leave(FAILED, str(error))
    except KeyboardInterrupt as interrupt:
        how = str(interrupt) or "interrupted"
        if outbox.has_ended(home.folder(spec.name) / "record", since=before):
            leave(INTERRUPTED, f"{spec.name} has ended all the same; {_then(spec)}.")
        if (home.folder(spec.name) / "record").is_dir():
            leave(INTERRUPTED, f"{how}; `sweep resume {spec.name}` goes on from here.")
        leave(INTERRUPTED, f"{how} before any trial began; `sweep run --replace` starts anew.")


def _unraisable(raised: Any) -> None:
    """Ctrl-C within a destructor is lost, whatever is written of it."""
    if raised.exc_type is not KeyboardInterrupt:
        sys.__unraisablehook__(raised)


def _then(spec: SweepSpec) -> str:
    from sweep import home, outbox

    if num := outbox.num_waiting(home.folder(spec.name) / "record"):
        return (
            f"MLflow lacks {num} entries of its record: `sweep sync {spec.name}` delivers them once "
            f"it can be reached"
        )
    return f"`sweep front {spec.name}` shows its front"


def _show_the_end(spec: SweepSpec, record: Record) -> None:
    from sweep import home, outbox

    if outbox.num_waiting(home.folder(spec.name) / "record"):
        leave(FAILED, f"{spec.name} has ended, but {_then(spec)}.")
    from analysis import export, front, runs

    sweep = runs.read_sweep(spec.name, tracking_uri=record.tracking_uri)
    console().print(front.table(sweep))
    if not (sweep.trials["state"] == "complete").any():
        leave(FAILED, f"no trial was completed: {_failures(sweep.trials)}")
    if failures := _failures(sweep.trials):
        print(f"failed: {failures}; `sweep retry {spec.name}`", file=sys.stderr)
    if sweep.state == "stopped":
        print(f"stopped; `sweep resume {spec.name}` runs the rest.", file=sys.stderr)
    for path in export.write(sweep, home.folder(spec.name) / "front"):
        inside = path.resolve().is_relative_to(Path.cwd())
        print(os.path.relpath(path) if inside else path.resolve())


def _failures(trials: Any) -> str:
    counts = trials.loc[trials["state"] == "failed", "failure"].value_counts()
    return "; ".join(
        f"{failure} ({count} trial{'s' if count > 1 else ''})" for failure, count in counts.items()
    )


class Interrupt:
    """Ctrl-C before any trial begins: what is raised within a destructor is lost, this is not."""

    pressed = False

    def __call__(self, *_: object) -> None:
        self.pressed = True
        raise KeyboardInterrupt


def _begun(started: Started) -> list[Any]:
    """From now on whatever ends the process in good order leaves a sweep that can be resumed."""
    if getattr(signal.getsignal(signal.SIGINT), "pressed", False):
        raise KeyboardInterrupt
    for ended_by in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(ended_by) is not signal.SIG_IGN:  # as under nohup
            signal.signal(ended_by, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    from sweep import shown

    return shown.callbacks(started)


def _others() -> str:
    from sweep import home

    here = sorted(path.parent.name for path in home.home().glob("*/sweep.yaml"))
    return f" Here are {', '.join(here)}." if here else ""


def main() -> None:
    try:
        app(prog_name="sweep")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in PARTS:
            raise
        part = PARTS[(error.name or "").split(".")[0]]
        leave(FAILED, f"this needs {error.name}: `pip install -e '.[{part}]'` brings it.")


if __name__ == "__main__":
    main()
