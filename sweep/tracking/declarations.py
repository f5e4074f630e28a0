"""What is recorded of a spec, so that the sweep can be read back without it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sweep.space.names import swept_names

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec


def declarations(spec: SweepSpec) -> dict[str, Any]:
    """Return the content of declarations.json: metrics, goals, constraints and searched names."""
    return {
        "metrics": [metric.to_dict() for metric in spec.metrics().values()],
        "goals": spec.goals,
        "num_trials": spec.num_trials,
        "searched": swept_names(spec.trial),
        "constraints": {
            name: bound.model_dump(exclude_none=True) for name, bound in spec.constraints.items()
        },
    }


def search_params(spec: SweepSpec) -> dict[str, str]:
    """Return the settings of search and scheduler and the goals, as parameters of the sweep's run.

    A name is dotted (`search.seed`); a sampler or scheduler is recorded by its name alone.
    """
    settings = spec.model_dump(mode="json", include={"search", "scheduler", "goals"})
    return {name.removesuffix(".name"): value for name, value in _flat(settings).items()}


def _flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the leaves of a tree by their dotted names, lists as JSON; None is left out."""
    leaves: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            leaves |= _flat(value, f"{prefix}{key}.")
        elif value is not None:
            leaves[prefix + key] = json.dumps(value) if isinstance(value, list) else str(value)
    return leaves
