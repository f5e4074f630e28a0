"""What is recorded of a spec, so that the sweep can be read back without it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from analysis.record.names import name_in_spec
from sweep.space.names import swept_names
from trainables.schema.flatten import flatten

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec


def declarations(spec: SweepSpec) -> dict[str, Any]:
    """Return the content of declarations.json: what analysis/record/declarations.py reads.

    Evaluators are given with all of their settings, which are the same for all trials.
    """
    evaluators = spec.trials()[0].evaluators
    return {
        "metrics": [metric.to_dict() for metric in spec.metrics().values()],
        "goals": spec.goals,
        "num_trials": spec.num_trials,
        "searched": swept_names(spec.trial),
        "constraints": {
            name: bound.model_dump(exclude_none=True) for name, bound in spec.constraints.items()
        },
        "evaluators": [evaluator.model_dump(mode="json") for evaluator in evaluators],
    }


def search_params(spec: SweepSpec) -> dict[str, str]:
    """Return the settings of search and scheduler and the goals, as parameters of the sweep's run.

    A name is dotted (`search.seed`). The name of a sampler or scheduler is `search.sampler` or
    `scheduler`; its settings come below that (`search.sampler.startup`). A list is JSON.
    """
    settings = spec.model_dump(mode="json", include={"search", "scheduler", "goals"})
    return {
        name_in_spec(name): json.dumps(value) if isinstance(value, list) else str(value)
        for name, value in flatten(settings).items()
        if value is not None
    }
