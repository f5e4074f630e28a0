"""Search the runs of experiments, all pages of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from analysis.record.names import having, is_asked_for
from sweep.tracking.store import errors, server

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ACTIVE_ONLY = 1  # of MLflow's ViewType


def search_runs(
    client: MlflowClient,
    experiment_ids: Sequence[str],
    tags: Mapping[str, str],
    view: int = ACTIVE_ONLY,
) -> list[Run]:
    """Return all runs of experiments that have these tags, newest first.

    experiment_ids: of one or more.
    view: MLflow's ViewType; runs that a user has deleted are left out unless it says otherwise.

    Raises errors.OtherAnswer if the store gives something else.
    """
    runs: list[Run] = []
    page = None
    while page is None or page.token:
        page = client.search_runs(
            [*experiment_ids], having(tags), view, 1000, page_token=page and page.token
        )
        runs += page
    if any(not is_asked_for(run.data.tags, tags) for run in runs):
        raise errors.OtherAnswer("with runs that were not asked for")
    if not runs:
        server.refuse_no_list_of_runs(client.tracking_uri, experiment_ids)
    return runs


def all_experiment_ids(client: MlflowClient) -> list[str]:
    """Return the ids of all experiments of a store that were not deleted."""
    ids: list[str] = []
    page = None
    while page is None or page.token:
        page = client.search_experiments(max_results=1000, page_token=page and page.token)
        ids += [experiment.experiment_id for experiment in page]
    return ids
