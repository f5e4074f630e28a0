"""What a worker is asked to run; the search hands it to Ray Tune, and every callback reads it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Keys of a trial's configuration in Ray Tune.
NUMBER, TRIAL, FAULT, RECIPE = "number", "trial", "fault", "recipe"
IN_HALVES = "in_halves"
# These two are user attributes of a trial in Optuna's study, too.
RETRY_OF = "retry_of"
REPLICATE_OF = "replicate_of"


@dataclass(frozen=True)
class TrialRequest:
    """One trial that is to be run.

    number:   of the trial.
    trial:    its configuration: the tree of a TrialConfig, as it was drawn.
    fault:    why that tree is no valid trial, in a sentence; empty if it is one.
    recipe:   its fingerprint, equal for trials that differ in their seed alone; empty if it is invalid.
    retry_of: the number of the failed trial that it repeats; None if it repeats none.
    replicate_of: the number of the trial whose settings it has with another seed; None if of none.
    in_halves: whether its memory was not enough, so that it is tried again with micro-batches half as
        large.
    """

    number: int
    trial: Mapping[str, Any]
    fault: str = ""
    recipe: str = ""
    retry_of: int | None = None
    replicate_of: int | None = None
    in_halves: bool = False

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> TrialRequest:
        """Return the request in the `config` of a trial of Tune."""
        return cls(
            config[NUMBER],
            config[TRIAL],
            config.get(FAULT, ""),
            config.get(RECIPE, ""),
            config.get(RETRY_OF),
            config.get(REPLICATE_OF),
            config.get(IN_HALVES, False),
        )

    def to_config(self) -> dict[str, Any]:
        """Return the configuration that Tune passes on, without what does not hold for the trial."""
        optional: dict[str, Any] = {
            FAULT: self.fault or None,
            RECIPE: self.recipe or None,
            RETRY_OF: self.retry_of,
            REPLICATE_OF: self.replicate_of,
            IN_HALVES: self.in_halves or None,
        }
        given = {key: value for key, value in optional.items() if value is not None}
        return {NUMBER: self.number, TRIAL: self.trial} | given
