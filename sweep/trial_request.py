"""What a worker is asked to run; the search hands it to Ray Tune, and every callback reads it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Keys of a trial's configuration in Ray Tune.
NUMBER, TRIAL, FAULT = "number", "trial", "fault"
RETRY_OF = "retry_of"  # the user attribute of a trial in Optuna's study, too


@dataclass(frozen=True)
class TrialRequest:
    """One trial that is to be run.

    number:   of the trial.
    trial:    its configuration: the tree of a TrialConfig, as it was drawn.
    fault:    why that tree is no valid trial, in a sentence; empty if it is one.
    retry_of: the number of the failed trial that it repeats; None if it repeats none.
    """

    number: int
    trial: Mapping[str, Any]
    fault: str = ""
    retry_of: int | None = None

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> TrialRequest:
        """Return the request in the `config` of a trial of Tune."""
        return cls(config[NUMBER], config[TRIAL], config.get(FAULT, ""), config.get(RETRY_OF))

    def to_config(self) -> dict[str, Any]:
        """Return the configuration that Tune passes on, without what does not hold for the trial."""
        config: dict[str, Any] = {NUMBER: self.number, TRIAL: self.trial}
        if self.fault:
            config[FAULT] = self.fault
        if self.retry_of is not None:
            config[RETRY_OF] = self.retry_of
        return config
