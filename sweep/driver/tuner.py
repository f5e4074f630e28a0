"""The settings of Ray Tune: what it runs, how many at once, and where it keeps its own files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep import workspace

if TYPE_CHECKING:
    from ray.tune import Callback, Tuner

    from sweep.config.spec import SweepSpec
    from sweep.search.searcher import ParetoSearch
    from sweep.workers.worker import Assignment


def build(
    spec: SweepSpec,
    search: ParetoSearch,
    num_at_once: int,
    callbacks: list[Callback],
    assignment: Assignment,
) -> Tuner:
    """Return a Tuner whose `fit` runs trials in warm workers until the search has no more."""
    from ray import tune

    from sweep.driver.retries import MAX_DEATHS
    from sweep.workers.worker import Worker

    needs = {"cpu": spec.resources.cpus_per_trial, "gpu": spec.resources.gpus_per_trial}
    goals = {goal: search.metrics[goal] for goal in spec.goals}
    trainable = tune.with_resources(tune.with_parameters(Worker, assignment=assignment), needs)
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=spec.scheduler.build(goals),
            num_samples=-1,  # the search says when it has finished
            max_concurrent_trials=num_at_once,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name="ray",
            storage_path=str(workspace.folder(spec.name)),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MAX_DEATHS),
            verbose=0,
            callbacks=callbacks,
        ),
    )


def _trial_name(trial: Any) -> str:
    return f"{trial.config['number']:04}"
