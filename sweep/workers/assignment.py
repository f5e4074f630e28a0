"""What all trials of a sweep have in common, as each of its processes gets it."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.workers.carrying.fetching import Fetching
from sweep.workers.checkpoints import CheckpointStores
from sweep.workers.storage_trouble import is_trouble, storage_errors
from trainables.assets import others
from trainables.harness import folder as tasks_folder

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.report import Report

RunTrial = Callable[..., "Generator[Report]"]


@dataclass(frozen=True)
class Assignment:
    """The settings of a worker that all trials of a sweep have in common.

    run_trial:   trainables.trial.run_trial, or another generator of reports for tests and benchmarks.
    folder:      where the sweep was started, so that a relative path means the same in a worker.
    stores:      where the state of running trials is kept, and finished models are left for the record.
    with_system_metrics: whether each result says how busy the machine was, too.
    harness_tasks: the folder of tasks that the command line has named; every node must have it.
    digests:     name of a model or a data set -> the sha256 with which the sweep began; None for
                 trials of no sweep, whose models and data may change.
    num_processes: that train each trial together.
    gpus_per_process: GPUs that Ray reserves for each of them.
    carrier: the actor that has what was built or given once, and the id of its node; None on a machine
        alone.
    """

    run_trial: RunTrial
    folder: Path = field(default_factory=Path.cwd)
    stores: CheckpointStores = field(default_factory=CheckpointStores)
    with_system_metrics: bool = False
    harness_tasks: Path | None = None
    digests: Mapping[str, str] | None = None
    num_processes: int = 1
    gpus_per_process: float = 0
    carrier: tuple[Any, str] | None = None

    def enter(self) -> None:
        """Change into the sweep's folder, and share the cache with the other nodes, if there are any.

        For a process that runs this sweep's trials until its end.
        """
        if self.folder.is_dir():  # not on another machine
            os.chdir(self.folder)
        if self.carrier is not None:
            others.share_with(Fetching(*self.carrier))

    def use_tasks(self) -> None:
        """Let tasks be found in the folder that the command line has named, if it has named one.

        Raises:
            ValueError: this machine does not have it.
            StorageTrouble: it cannot be read now.
        """
        if self.harness_tasks is None:
            return
        try:
            tasks_folder.use(self.harness_tasks)
        except OSError as error:
            if is_trouble(error):
                with storage_errors():  # a full disk ends the sweep
                    raise
            raise


def real_trial(config: TrialConfig, *, resume_from: Path | None = None) -> Generator[Report]:
    """Return the reports of trainables.trial.run_trial.

    It is imported at the call, in a worker, so that the driver needs no torch.

    resume_from: a folder with the state of the trial, or None to start at its first step.
    """
    from trainables.trial import run_trial

    return run_trial(config, resume_from=resume_from)
