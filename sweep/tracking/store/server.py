"""Ask a tracking server whether it is MLflow's, where MLflow's client would not tell, or not soon."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from sweep.tracking.store import errors

SEARCH = "/api/2.0/mlflow/experiments/search"
SEARCH_RUNS = "/api/2.0/mlflow/runs/search"


def trouble_of_server(tracking_uri: str) -> str:
    """Ask a tracking server for an experiment; return why it cannot be used, or "" if it can.

    tracking_uri: an http or https address. The credentials are those of MLflow's client.
    """
    uri = tracking_uri.rstrip("/")
    try:
        answer = _asked(uri, SEARCH, {"max_results": 1})
    except Exception as error:  # MLflow's client makes one of no class of its own of all of them
        if words := errors.of_gateway(error):
            return (
                f"the tracking server {uri} must be MLflow's, but {words}: {errors.OTHER_REMEDY}."
            )
        to = errors.asked_last(error)
        if to and urlsplit(to).netloc != urlsplit(uri).netloc:
            return (
                f"the tracking server {uri} must be MLflow's, but redirects to {to}, which does not "
                f"answer ({errors.reason(error)}): {errors.OTHER_REMEDY}."
            )
        return (
            f"the tracking server {uri} must be up, but does not answer ({errors.reason(error)}): "
            f"start it, or name another store."
        )
    if answer.status_code == HTTPStatus.OK and _is_list_of(answer, "experiments"):
        return ""
    words = errors.described(answer, "list of experiments")
    remedy = errors.REMEDIES.get(answer.status_code, errors.OTHER_REMEDY)
    return f"the tracking server {uri} must be MLflow's, but answers {words}: {remedy}."


def refuse_no_list_of_runs(tracking_uri: str, experiment_ids: Sequence[str]) -> None:
    """Ask a store that has given no runs again, if it is a server.

    MLflow's client takes an answer without content, as of a gateway, for an empty list.

    Raises:
        errors.OtherAnswer: the server answers with no list of runs.
    """
    if tracking_uri.startswith(("http://", "https://")):
        asked = {"experiment_ids": [*experiment_ids], "max_results": 1}
        answer = _asked(tracking_uri.rstrip("/"), SEARCH_RUNS, asked)
        if answer.ok and not _is_list_of(answer, "runs"):
            raise errors.OtherAnswer(errors.described(answer, "list of runs"))


def _asked(uri: str, path: str, content: dict[str, Any]) -> Any:
    """Return the answer of a server, of the library requests, to a question in JSON."""
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import http_request

    credentials = get_default_host_creds(uri)
    return http_request(credentials, path, "POST", json=content, timeout=5, raise_on_status=False)


def _is_list_of(answer: Any, key: str) -> bool:
    """Return whether an answer, of the library requests, is a list of MLflow's, which has this key."""
    try:
        tree = answer.json()
    except (ValueError, RecursionError):
        return False
    return isinstance(tree, dict) and tree.keys() <= {key, "next_page_token"}
