"""Ask a tracking server for runs, where MLflow's client takes an answer without content for none."""

from __future__ import annotations

SEARCH_RUNS = "/api/2.0/mlflow/runs/search"


def gives_list_of_runs(tracking_uri: str, experiment_ids: list[str]) -> bool:
    """Return whether a store gives a list of runs of these experiments, and nothing else in its place.

    A store that is no server does, and so does one that refuses to: its error says so.
    """
    if not tracking_uri.startswith(("http://", "https://")):
        return True
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    asked = {"experiment_ids": experiment_ids, "max_results": 1}
    answer = http_request(get_default_host_creds(tracking_uri), SEARCH_RUNS, "POST", json=asked)
    try:
        tree = answer.json()
    except (ValueError, RecursionError):
        tree = None
    is_list = isinstance(tree, dict) and tree.keys() <= {"runs", "next_page_token"}
    return is_list or not answer.ok
