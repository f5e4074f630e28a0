"""Turn what a check raises into a fault."""

from __future__ import annotations

from collections.abc import Callable


def faults_of(check: Callable[[], object], lead: str = "trial.") -> list[str]:
    """Return the fault for which a check raises ValueError, as a list; an empty one if it does not.

    lead: what stands before the words of the error.
    """
    try:
        check()
    except ValueError as error:
        return [f"{lead}{error}"]
    return []
