"""Build the Ray Tune run of a sweep: its trainable, how many trials at once, where Tune keeps files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sweep import workspace
from sweep.trial_request import TrialRequest
from sweep.workers.checkpoints import folder_name
from trainables.schema.text.secrets.names import is_secret

if TYPE_CHECKING:
    from ray.tune import Callback, Tuner

    from sweep.config.spec import SweepSpec
    from sweep.search.searcher import ParetoSearch
    from sweep.workers.assignment import Assignment


def build(
    spec: SweepSpec,
    search: ParetoSearch,
    num_at_once: int,
    callbacks: list[Callback],
    assignment: Assignment,
) -> Tuner:
    """Return a Tuner whose `fit` runs trials until the search has no more.

    Workers are processes that stay for the next trial, so that imports and base models are loaded once.

    num_at_once: number of trials that run at the same time.
    assignment: what each worker is given once, when its process starts.
    """
    from ray import tune
    from ray.tune.execution import class_cache

    from sweep.driver.retries import MAX_RETRIES
    from sweep.workers.worker import Worker

    # Tune would give workers the keys of a bucket as arguments, which all users of a machine can list.
    # Those of this machine have them by their environment, and other nodes have their own.
    names = {name for name in class_cache.ENV_VARS_TO_PROPAGATE if not is_secret(name)}
    class_cache.ENV_VARS_TO_PROPAGATE = names
    needs = {"CPU": spec.resources.cpus_per_process, "GPU": spec.resources.gpus_per_process}
    bundles = tune.PlacementGroupFactory([needs] * spec.resources.workers_per_trial)
    goals = {goal: search.metrics[goal] for goal in spec.goals}
    trainable = tune.with_parameters(Worker, assignment=assignment)
    return tune.Tuner(
        tune.with_resources(trainable, bundles),
        tune_config=tune.TuneConfig(
            search_alg=search,
            scheduler=spec.scheduler.build(goals),
            num_samples=-1,  # no limit: the search tells Tune when it has finished
            max_concurrent_trials=num_at_once,
            reuse_actors=True,
            trial_name_creator=_trial_name,
            trial_dirname_creator=_trial_name,
        ),
        run_config=tune.RunConfig(
            name=workspace.RAY,
            storage_path=str(workspace.folder(spec.name)),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),
            failure_config=tune.FailureConfig(max_failures=MAX_RETRIES),
            verbose=0,
            callbacks=callbacks,
        ),
    )


def _trial_name(trial: Any) -> str:
    """Return the number of a trial with four digits, Tune's name for the trial and its folder."""
    return folder_name(TrialRequest.of(trial.config).number)
