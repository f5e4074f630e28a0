"""The verb that runs recipes again with other seeds: rerun."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from analysis.record.names import LIVE_STATES, SweepState, Tag, TrialState
from sweep.cli.options import (
    WRONG,
    Address,
    Insecure,
    Name,
    SearchStorage,
    TrackingUri,
    leave,
    reading,
    store_of,
    trial_number,
)
from trainables.schema.counted import listed

if TYPE_CHECKING:
    from analysis.record.sweep import Sweep
    from sweep.tracking.control_requests import Rerun

app = typer.Typer()

MAX_SEEDS = 1000  # of one request


@app.command(epilog="Example: sweep rerun miniature --front --seeds 3")
def rerun(
    name: Name,
    trials: Annotated[
        list[int] | None,
        typer.Argument(metavar="[TRIAL…]", parser=trial_number, help="numbers of trials"),
    ] = None,
    front: Annotated[
        bool, typer.Option("--front", help="every recipe on the front, beside the trials named")
    ] = False,
    seeds: Annotated[
        int, typer.Option(min=1, max=MAX_SEEDS, help="how many further seeds each recipe gets")
    ] = 1,
    tracking_uri: TrackingUri = None,
    storage: SearchStorage = None,
    address: Address = None,
    insecure: Insecure = False,
) -> None:
    """Run recipes again with other seeds, each as a new trial of the same sweep."""
    from analysis.record import reader
    from sweep.cli.run import Reruns, resume_here
    from sweep.tracking import sweeps
    from sweep.tracking.control_requests import rerun_trials, reruns_in

    uri = store_of(tracking_uri, name)
    with reading():
        sweep = reader.read_sweep(name, tracking_uri=uri)
        record = sweeps.recorded_sweep(uri, name)
    numbers = _numbers(sweep, trials or [], front)
    requested = new_seeds(sweep, numbers, seeds, reruns_in(record.tags()))
    reruns = Reruns(frozenset(requested), [_sentence(number, requested) for number in numbers])

    def run_here() -> None:
        resume_here(name, tracking_uri, storage, address, reruns=reruns)

    if reader.read_state(name, tracking_uri=uri) == SweepState.FINISHED:
        run_here()
        return
    rerun_trials(record, reruns.requested)
    print("\n".join(reruns.sentences))
    # Read after the request: a sweep that ended before it does not carry it out.
    state = reader.read_state(name, tracking_uri=uri)
    if state == SweepState.FINISHED:
        run_here()
    elif state not in LIVE_STATES:
        print(f"{name} is {state}: `sweep resume {name}` runs them with the rest.")


def _sentence(number: int, requested: Iterable[Rerun]) -> str:
    """Return what is requested of a trial, in words."""
    seeds = [str(one.seed) for one in requested if one.trial == number]
    return f"trial {number} is to run again with seed{'s'[: len(seeds) > 1]} {', '.join(seeds)}."


def _numbers(sweep: Sweep, named: Iterable[int], front: bool) -> list[int]:
    """Return the numbers of the trials to run again, one for each recipe, in ascending order.

    named: numbers that the user gave. front: whether the members of the front are among them.

    Raises:
        SystemExit: a number is of no complete trial, or there is nothing to run.
    """
    complete = sweep.trials[sweep.trials["state"] == TrialState.COMPLETE]
    recipes = dict(zip(complete["trial"], complete["recipe"], strict=True))
    members = [int(number) for number in sweep.front()["trial"]] if front else []
    first_of: dict[str, int] = {}
    for number in sorted({*named, *members}):
        if not recipes.get(number):
            there_are = listed(sorted(recipes)) or "none"
            leave(
                WRONG,
                f"TRIAL must be a complete trial of {sweep.name}, but got {number}: complete are "
                f"{there_are}.",
            )
        first_of.setdefault(recipes[number], number)
    if not first_of:
        what = "the front has no trained model" if front else "none was named"
        leave(WRONG, f"TRIAL or --front must say which trials run again, but {what}.")
    return sorted(first_of.values())


def new_seeds(
    sweep: Sweep, numbers: Iterable[int], num_seeds: int, requested: Iterable[Rerun]
) -> list[Rerun]:
    """Return a request for each trial and each seed that its recipe gets.

    The seeds of a recipe go on after the largest that it has, or will have.

    Args:
        sweep: the sweep.
        numbers: of trials, one for each recipe.
        num_seeds: how many further seeds each recipe gets.
        requested: earlier requests.
    """
    from analysis.record.recipes import seed_in
    from sweep.tracking.control_requests import Rerun

    recipe_of = dict(zip(sweep.trials["trial"], sweep.trials["recipe"], strict=True))
    used: defaultdict[str, int] = defaultdict(lambda: -1)
    seed_column = sweep.trials[Tag.SEED] if Tag.SEED in sweep.trials else [0] * len(sweep.trials)
    known = list(zip(sweep.trials["recipe"], seed_column, strict=True))
    known += [(recipe_of.get(one.trial, ""), one.seed) for one in requested]
    for recipe, seed in known:
        number = seed_in(seed)
        used[recipe] = max(used[recipe], -1 if number is None else number)
    return [
        Rerun(number, used[recipe_of[number]] + 1 + step)
        for number in numbers
        for step in range(num_seeds)
    ]
