"""The names of candidates: a trial's number, with the step and the α of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd

BASE = "base"  # the name of the base model among the candidates


class Candidate(NamedTuple):
    """A trial's own model, or its weights at another α between the base model (0) and the trained (1).

    trial: the number of the trial.
    alpha: the α of the weights; None stands for the trial's own model.
    step: the step after which a report in mid-training measured it; None stands for the end.
    """

    trial: int
    alpha: float | None = None
    step: int | None = None

    @classmethod
    def of(cls, row: Mapping[Any, Any]) -> Candidate:
        """Return the candidate that a row of `Sweep.rows` describes."""
        alpha, step = row["alpha"], row.get("step")
        return cls(
            int(row["trial"]),
            None if pd.isna(alpha) else float(alpha),
            None if pd.isna(step) else int(step),
        )

    @classmethod
    def parse(cls, word: str) -> Candidate:
        """Return the candidate that `str` writes as this word: NUMBER, with :STEP or @ALPHA or both.

        Raises:
            ValueError: the word has another form.

        >>> str(Candidate.parse("7@0.25")), Candidate.parse("7:50")
        ('7@0.25', Candidate(trial=7, alpha=None, step=50))
        """
        number, at, alpha = word.partition("@")
        trial, colon, step = number.partition(":")
        if not trial.isdecimal() or (colon and not step.isdecimal()):
            raise ValueError(f"{word!r} names no trial")
        return cls(int(trial), float(alpha) if at else None, int(step) if colon else None)

    def __str__(self) -> str:
        at_step = "" if self.step is None else f":{self.step}"
        return f"{self.trial}{at_step}" + ("" if self.alpha is None else f"@{self.alpha:g}")
