"""The verbs that check a spec, run a sweep and resume one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from analysis.record.names import Artifact
from sweep.cli import control
from sweep.cli.finish import run_to_last_word
from sweep.cli.options import (
    WRONG,
    Address,
    AtOnce,
    HarnessTasks,
    Insecure,
    Name,
    NoDiff,
    SearchStorage,
    Spec,
    TrackingUri,
    leave,
    load_spec,
    others,
    store_of,
    use_harness_tasks,
)
from trainables.cli.output import wrapped
from trainables.cli.streams import say
from trainables.schema.text.printable import printable

if TYPE_CHECKING:
    from sweep.driver.cluster.watch import OnLost
    from sweep.driver.running_sweep import OnStart, RunningSweep
    from sweep.tracking.control_requests import Rerun
    from sweep.tracking.mlflow_record import Record

app = typer.Typer()


class Reruns(NamedTuple):
    """Trials that a user wants to run again, and the sentences that say so."""

    requested: frozenset[Rerun]
    sentences: list[str]


@app.command(epilog="Example: sweep check sweep/specs/smollm2.yaml")
def check(spec: Spec, harness_tasks: HarnessTasks = None) -> None:
    """Report everything that is wrong with a spec, its models and its data (fetched if need be)."""
    use_harness_tasks(harness_tasks)
    from sweep.config import preflight
    from sweep.config.summary import summary
    from trainables.assets.errors import AssetError

    checked, document = load_spec(spec, with_inputs=True)
    try:
        preflight.prepare(checked, document)
        trials, *others = summary(checked)
    except (preflight.DoNotFit, AssetError) as error:
        leave(WRONG, str(error))
    sentences = [f"{spec} is valid: {trials}", *others]
    print(printable("\n".join(wrapped(sentence, "  ") for sentence in sentences)))


@app.command(epilog="Example: sweep run sweep/specs/miniature.yaml")
def run(
    spec: Spec,
    tracking_uri: TrackingUri = None,
    storage: SearchStorage = None,
    address: Address = None,
    insecure: Insecure = False,
    replace: Annotated[
        bool, typer.Option(help="delete an earlier sweep of this name first")
    ] = False,
    no_diff: NoDiff = False,
    harness_tasks: HarnessTasks = None,
    at_once: AtOnce = None,
) -> None:
    """Run a sweep from its spec to its front. Ctrl-C leaves it ready for `sweep resume`."""
    use_harness_tasks(harness_tasks)
    checked, document = load_spec(spec, with_inputs=True)
    from sweep.driver import run_sweep

    backends = run_sweep.Backends(*_services(tracking_uri, storage), address)
    diff = "" if no_diff else _code_diff()
    run_to_last_word(
        checked,
        lambda on_start, on_lost: run_sweep.run(
            checked,
            document,
            backends,
            replace=replace,
            code_diff=diff,
            cap=at_once,
            on_start=on_start,
            on_lost=on_lost,
        ),
        is_new=True,
    )


def _services(tracking_uri: str | None, storage: str | None) -> tuple[str | None, str | None]:
    """Return (tracking URI, search storage) of a new sweep; those not given are of `sweep use`.

    That they are is said on stderr.
    """
    from sweep.remote import addresses

    kept = addresses.kept()
    if kept is None:
        return tracking_uri, storage
    for kept_address, given, what in (
        (kept.tracking_uri, tracking_uri, "recorded"),
        (kept.storage, storage, "searched"),
    ):
        if kept_address and not given:
            say(f"{what} in {kept_address}, as `sweep use` has it.")
    return tracking_uri or kept.tracking_uri, storage or kept.storage


def _code_diff() -> str:
    """Return the changes of our code since its commit; print to stderr what the record gets, if any."""
    from sweep.tracking.provenance.code_diff import code_diff

    diff = code_diff()
    if diff.about:
        say(
            f"the record gets {Artifact.CODE_DIFF}, the changes of Equipoise's own code "
            f"({diff.about}): --no-diff leaves it out."
        )
    return diff.text


@app.command(epilog="Example: sweep resume miniature")
def resume(
    name: Name,
    tracking_uri: TrackingUri = None,
    storage: SearchStorage = None,
    address: Address = None,
    insecure: Insecure = False,
    harness_tasks: HarnessTasks = None,
    at_once: AtOnce = None,
) -> None:
    """Go on with a sweep that was paused, stopped or interrupted; ended trials are not run again."""
    from sweep.cli.cluster_verbs import resuming

    uri, jobs_api = store_of(tracking_uri, name), resuming.job_api_for(name, address)
    if control.unpause(name, uri):
        if jobs_api:
            resuming.say_if_gone(name, jobs_api)
        return
    if jobs_api:
        resuming.resume_there(name, uri, tracking_uri, storage, jobs_api, at_once)
        return
    resume_here(name, tracking_uri, storage, address, harness_tasks, at_once=at_once)


def resume_here(
    name: str,
    tracking_uri: str | None,
    storage: str | None,
    address: str | None,
    harness_tasks: Path | None = None,
    *,
    at_once: int | None = None,
    reruns: Reruns | None = None,
) -> None:
    """Go on with a sweep that was run from this folder, to its last word.

    harness_tasks: folder of the user's own tasks; None for the one that the sweep was started with.
    at_once: the most trials at once, whatever the spec says; None: as the spec says.
    reruns: if given, they are requested and announced once nothing refuses the sweep, and nothing is
        run but what users have requested.

    Raises:
        SystemExit: it was not run here, or did not end well; a sentence on stderr says why.
    """
    from sweep import workspace

    spec_file = workspace.spec(name)
    if not spec_file.is_file():
        leave(
            WRONG,
            f"no sweep named {name!r} was run here: {spec_file} is no file. Go to the folder where "
            f"it was started, or set SWEEP_HOME to the `sweeps` in it.{others()}",
        )
    use_harness_tasks(harness_tasks or workspace.harness_tasks(name))
    checked, document = load_spec(spec_file)
    if checked.name != name:
        leave(WRONG, f"{spec_file} must keep its name, {name}, but is now named {checked.name!r}.")
    from sweep.driver import run_sweep

    backends = run_sweep.Backends(tracking_uri, storage, address)

    def start(on_start: OnStart, on_lost: OnLost) -> Record:
        def announce(running: RunningSweep) -> list[Any]:
            for sentence in reruns.sentences if reruns else ():
                print(sentence)
            return on_start(running)

        requested = reruns.requested if reruns else None
        return run_sweep.resume(
            checked,
            document,
            backends,
            cap=at_once,
            on_start=announce,
            on_lost=on_lost,
            reruns=requested,
        )

    run_to_last_word(checked, start)
