"""Read every value that runs have logged, and not the last of each metric alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from analysis.record.names import Group
from analysis.record.store.database import Point

if TYPE_CHECKING:
    from mlflow import MlflowClient

    from analysis.record.mlflow_client import Store

NOT_OF_MODELS = (Group.SYSTEM, Group.TRAIN, Group.FRONT)
REQUESTS_AT_ONCE = 8  # of a server, which is asked for one metric of one run at a time

# Run id -> step -> name of a metric -> value.
Steps = Mapping[str, Mapping[int, Mapping[str, float]]]


def read_points(store: Store, run_ids: Sequence[str], names: Sequence[str]) -> Steps:
    """Return the values of some runs at each step; of several at one step the one that MLflow shows.

    That is the one that was logged last, and of those the largest one. Metrics of the machine, of the
    training and of a front are left out.

    names: of the metrics that a server is asked for; a database gives all of them.
    """
    if store.database:
        points: Iterable[Point] = store.database.points(run_ids, NOT_OF_MODELS)
    else:
        points = _points_of_client(store.client, run_ids, names)
    steps: dict[str, dict[int, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for run_id, name, step, value in points:
        steps[run_id][step][name] = value
    return steps


def _points_of_client(
    client: MlflowClient, run_ids: Sequence[str], names: Sequence[str]
) -> Iterator[Point]:
    """Yield the points of some metrics of some runs, by MLflow's client."""
    asked = [(run_id, name) for run_id in run_ids for name in names]
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as threads:
        histories = threads.map(lambda each: client.get_metric_history(*each), asked)
        for (run_id, name), history in zip(asked, histories, strict=True):
            for point in sorted(history, key=lambda each: (each.timestamp, each.value)):
                yield Point(run_id, name, point.step, point.value)
