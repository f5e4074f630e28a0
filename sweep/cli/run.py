"""The verbs that check a spec, run a sweep and resume one."""

from __future__ import annotations

from typing import Annotated

import typer

from sweep.cli import control
from sweep.cli.finish import run_to_last_word
from sweep.cli.options import (
    WRONG,
    Address,
    Name,
    SearchStorage,
    Spec,
    TrackingUri,
    leave,
    load_spec,
    others,
    store_of,
)

app = typer.Typer()


@app.command(epilog="Example: sweep check sweep/specs/smollm2.yaml")
def check(spec: Spec) -> None:
    """Report everything that is wrong with a spec, its models and its data (fetched if need be)."""
    from sweep.config import preflight
    from sweep.space import names
    from trainables.assets.errors import AssetError

    checked, document = load_spec(spec, with_inputs=True)
    try:
        preflight.prepare(checked, document)
    except (preflight.DoNotFit, AssetError) as error:
        leave(WRONG, str(error))
    trials = f"{checked.num_trials} trials"
    sampler = checked.search.sampler
    if sampler.is_exhaustive:
        trials += f" of a {sampler.name} of {sampler.num_points(checked.trial)} points"
    print(f"{spec} is valid: {trials}, goals {', '.join(checked.goals)}.")
    print(f"searched: {', '.join(names.swept_names(checked.trial)) or 'nothing'}")


@app.command(epilog="Example: sweep run sweep/specs/miniature.yaml")
def run(
    spec: Spec,
    tracking_uri: TrackingUri = None,
    storage: SearchStorage = None,
    address: Address = None,
    replace: Annotated[
        bool, typer.Option(help="delete an earlier sweep of this name first")
    ] = False,
) -> None:
    """Run a sweep from its spec to its front. Ctrl-C leaves it ready for `sweep resume`."""
    checked, document = load_spec(spec, with_inputs=True)
    from sweep.driver import run_sweep

    backends = run_sweep.Backends(tracking_uri, storage, address)
    run_to_last_word(
        checked,
        lambda on_start: run_sweep.run(
            checked, document, backends, replace=replace, on_start=on_start
        ),
    )


@app.command(epilog="Example: sweep resume miniature")
def resume(
    name: Name,
    tracking_uri: TrackingUri = None,
    storage: SearchStorage = None,
    address: Address = None,
) -> None:
    """Go on with a sweep that was paused, stopped or interrupted; ended trials are not run again."""
    from sweep import workspace

    if control.unpause(name, store_of(tracking_uri, name)):
        return
    spec_file = workspace.spec(name)
    if not spec_file.is_file():
        leave(
            WRONG,
            f"no sweep named {name!r} was run here: {spec_file} does not exist. Go to the folder where "
            f"it was started, or set SWEEP_HOME to the `sweeps` in it.{others()}",
        )
    checked, document = load_spec(spec_file)
    if checked.name != name:
        leave(WRONG, f"{spec_file} must keep its name, {name}, but is now named {checked.name!r}.")
    from sweep.driver import run_sweep

    backends = run_sweep.Backends(tracking_uri, storage, address)
    run_to_last_word(
        checked,
        lambda on_start: run_sweep.resume(checked, document, backends, on_start=on_start),
    )
