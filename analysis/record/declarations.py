"""Read what a sweep has declared: metrics, goals, constraints, the names that it searches."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from analysis.record.mlflow_client import OtherContent, read_artifact
from analysis.record.names import Artifact, Tag
from trainables.metrics.metric import Better, Metric
from trainables.schema.plain_json import from_json, is_finite_number
from trainables.schema.text.printable import printable

if TYPE_CHECKING:
    from analysis.record.mlflow_client import Store
    from analysis.record.store.database import Run

MAX_METRICS = 100_000  # a table has a column for each
LARGEST = 2**63  # of whole numbers: more than a table holds


@dataclass(frozen=True)
class Declarations:
    """What the sweep wrote as it began; `Sweep` of analysis/record/sweep.py describes the fields."""

    metrics: dict[str, Metric]
    goals: list[str]
    constraints: dict[str, dict[str, float]]
    searched: list[str]
    num_trials: int | None
    evaluators: list[dict[str, Any]] | None


def read_declarations(store: Store, parent: Run) -> Declarations:
    """Return the declarations of a sweep, given its own run.

    Raises:
        ValueError: there are none.
        OtherContent: the store gives something else than a sweep writes.
    """
    name, run_id = parent.data.tags[Tag.NAME], parent.info.run_id
    try:
        text = read_artifact(store, run_id, Artifact.DECLARATIONS)
        declared = None if text is None else parse(from_json(text))
    except ValueError as error:
        place = f"{Artifact.DECLARATIONS} of sweep {name}"
        raise OtherContent(place, store.tracking_uri) from error
    if declared is None:
        folder = store.folder_of(run_id)
        place = f"its run {run_id}" if folder is None else printable(str(folder))
        raise ValueError(
            f"sweep {name} has no {Artifact.DECLARATIONS} in {place}: it has only just begun, or its "
            f"driver died, or its files were moved: try again, or put them back (a link will do), or "
            f"have `sweep sync {name}` record anew what is left of them."
        )
    return declared


def parse(tree: Any) -> Declarations:
    """Return the declarations in the tree of a JSON file.

    Raises:
        ValueError: it is none that a sweep writes.
    """
    try:
        metrics = {entry["name"]: Metric(**entry) for entry in tree["metrics"]}
        goals, constraints = tree["goals"], tree["constraints"]
        searched, num_trials = tree["searched"], tree.get("num_trials")
        evaluators = tree.get("evaluators")
        bounds = [(key, v) for bound in constraints.values() for key, v in bound.items()]
        is_sound = (
            len(metrics) <= MAX_METRICS
            and all(map(_is_sound, metrics.values()))
            and isinstance(goals, list)
            and len(goals) > 0
            and all(goal in metrics for goal in goals)
            and len({*goals}) == len(goals)
            and all(name in metrics for name in constraints)
            and all(key in ("min", "max") and _is_bound(value) for key, value in bounds)
            and isinstance(searched, list)
            and all(isinstance(word, str) for word in searched)
            and (num_trials is None or (type(num_trials) is int and 0 <= num_trials < LARGEST))
            and (evaluators is None or all(isinstance(one["name"], str) for one in evaluators))
        )
    except (AttributeError, KeyError, OverflowError, TypeError) as error:
        raise ValueError("no declarations of a sweep") from error
    if not is_sound:
        raise ValueError("no declarations of a sweep")
    return Declarations(metrics, goals, constraints, searched, num_trials, evaluators)


def _is_sound(metric: Metric) -> bool:
    """Return whether the attributes of a metric of a JSON file are of the types that they must have."""
    numbers = [metric.ideal, metric.worst, *(end for end in metric.bounds if end is not None)]
    return (
        metric.better in get_args(Better)
        and all(isinstance(text, str) for text in (metric.unit, metric.about, metric.source))
        and all(map(is_finite_number, numbers))
    )


def _is_bound(value: object) -> bool:
    """Return whether a value of a JSON file is a number, or infinite."""
    return is_finite_number(value) or value in (math.inf, -math.inf)
