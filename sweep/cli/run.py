"""The verbs that check a spec, run a sweep and resume one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sweep.cli import control
from sweep.cli.finish import run_to_last_word
from sweep.cli.options import (
    WRONG,
    Address,
    HarnessTasks,
    Name,
    SearchStorage,
    Spec,
    TrackingUri,
    leave,
    load_spec,
    others,
    store_of,
    use_harness_tasks,
)
from trainables.schema.counted import counted

app = typer.Typer()


@app.command(epilog="Example: sweep check sweep/specs/smollm2.yaml")
def check(spec: Spec, harness_tasks: HarnessTasks = None) -> None:
    """Report everything that is wrong with a spec, its models and its data (fetched if need be)."""
    use_harness_tasks(harness_tasks)
    from sweep.config import preflight
    from sweep.space import names
    from trainables.assets.errors import AssetError
    from trainables.models import pretrained

    checked, document = load_spec(spec, with_inputs=True)
    try:
        preflight.prepare(checked, document)
        divisions = preflight.divisions(checked)
    except (preflight.DoNotFit, AssetError) as error:
        leave(WRONG, str(error))
    trials = counted(checked.num_trials, "trial")
    if (num_seeds := checked.replicates.seeds) > 1:
        trials += f", {num_seeds} seeds of each recipe"
    sampler = checked.search.sampler
    if sampler.is_exhaustive:
        trials += f", a {sampler.name} of {counted(sampler.num_points(checked.trial), 'point')}"
    print(f"{spec} is valid: {trials}, goals {', '.join(checked.goals)}.")
    print(f"searched: {', '.join(names.searched_names(checked.trial)) or 'nothing'}")
    model = checked.trials()[0].model
    if model.family == "causal":
        start = pretrained.start_of(model.path, model.opening)
        print(f"texts begin behind {start!r}" if start else "texts begin behind nothing")
    for sentence in divisions:
        print(sentence)


@app.command(epilog="Example: sweep run sweep/specs/miniature.yaml")
def run(
    spec: Spec,
    tracking_uri: TrackingUri = None,
    storage: SearchStorage = None,
    address: Address = None,
    replace: Annotated[
        bool, typer.Option(help="delete an earlier sweep of this name first")
    ] = False,
    harness_tasks: HarnessTasks = None,
) -> None:
    """Run a sweep from its spec to its front. Ctrl-C leaves it ready for `sweep resume`."""
    use_harness_tasks(harness_tasks)
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
    harness_tasks: HarnessTasks = None,
) -> None:
    """Go on with a sweep that was paused, stopped or interrupted; ended trials are not run again."""
    if not control.unpause(name, store_of(tracking_uri, name)):
        resume_here(name, tracking_uri, storage, address, harness_tasks)


def resume_here(
    name: str,
    tracking_uri: str | None,
    storage: str | None,
    address: str | None,
    harness_tasks: Path | None = None,
    *,
    only_requested: bool = False,
) -> None:
    """Go on with a sweep that was run from this folder, to its last word.

    harness_tasks: folder of the user's own tasks; None for the one that the sweep was started with.
    only_requested: whether to run nothing but the trials that users have requested.

    Raises:
        SystemExit: it was not run here, or did not end well; a sentence on stderr says why.
    """
    from sweep import workspace

    spec_file = workspace.spec(name)
    if not spec_file.is_file():
        leave(
            WRONG,
            f"no sweep named {name!r} was run here: {spec_file} does not exist. Go to the folder where "
            f"it was started, or set SWEEP_HOME to the `sweeps` in it.{others()}",
        )
    use_harness_tasks(harness_tasks or workspace.harness_tasks(name))
    checked, document = load_spec(spec_file)
    if checked.name != name:
        leave(WRONG, f"{spec_file} must keep its name, {name}, but is now named {checked.name!r}.")
    from sweep.driver import run_sweep

    backends = run_sweep.Backends(tracking_uri, storage, address)
    run_to_last_word(
        checked,
        lambda on_start: run_sweep.resume(
            checked, document, backends, on_start=on_start, only_requested=only_requested
        ),
    )
