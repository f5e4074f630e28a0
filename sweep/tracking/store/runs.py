"""Search the runs of an experiment, all pages of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from analysis.record.names import having, is_asked_for
from sweep.tracking.store import errors, server

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

ACTIVE_ONLY = 1  # of MLflow's ViewType


def search_runs(
    client: MlflowClient, experiment_id: str, tags: Mapping[str, str], view: int = ACTIVE_ONLY
) -> list[Run]:
    """Return all runs of an experiment that have these tags.

    view: MLflow's ViewType; runs that a user has deleted are left out unless it says otherwise.

    Raises errors.OtherAnswer if the store gives something else.
    """
    runs: list[Run] = []
    page = None
    while page is None or page.token:
        page = client.search_runs(
            [experiment_id], having(tags), view, 1000, page_token=page and page.token
        )
        runs += page
    if any(not is_asked_for(run.data.tags, tags) for run in runs):
        raise errors.OtherAnswer("with runs that were not asked for")
    if not runs:
        server.refuse_no_list_of_runs(client.tracking_uri, experiment_id)
    return runs
