"""MLflow's server as a page to look at: an ASGI app that refuses whatever would change the record.

`sweep ui` has uvicorn serve what `app` returns to everybody on the machine. MLflow's own server lets
them delete runs and write files below its folder. Its checks of host and origin stay: this app stands
before them.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from mlflow import server
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, ErrorCode
from mlflow.server import handlers

Scope = MutableMapping[str, Any]  # a request
App = Callable[..., Awaitable[None]]  # of ASGI: it takes a request, `receive` and `send`

READING = ("GET", "HEAD", "OPTIONS")  # methods
# Questions that MLflow's pages ask by POST. `2.0mlflow` is as MLflow has it.
QUESTIONS = re.compile(
    r"/graphql|/(?:ajax-)?api/[23]\.0/?mlflow/(?:[\w-]+/search|experiments/search-datasets|"
    r"registered-models/get-latest-versions|"
    r"traces/(?:metrics|batchGetInfos|calculate-filter-correlation))"
)
# Parts of MLflow in which a GET, too, starts work, calls a service or tells of keys.
CLOSED = re.compile(
    r"/assistant/(?:providers/.|sessions)|/gateway/(?:secrets|proxy)|/(?:mcp|presigned)(?:/|$)"
)
REFUSAL = (
    "this server shows the record and does nothing else, but was asked for more by {} {}: `sweep ui "
    "--write` starts one to which people log in, and may."
)


class ReadOnly:
    """An ASGI app that hands questions on to another one, and refuses everything else."""

    def __init__(self, whole: App) -> None:
        self._whole = whole

    async def __call__(self, scope: Scope, receive: App, send: App) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and is_question(scope)):
            await self._whole(scope, receive, send)
        elif scope["type"] == "http":
            sentence = REFUSAL.format(scope["method"], scope["path"][:200])
            told = {"error_code": ErrorCode.Name(PERMISSION_DENIED), "message": sentence}
            start: dict[str, Any] = {"type": "http.response.start", "status": HTTPStatus.FORBIDDEN}
            await send({**start, "headers": [(b"content-type", b"application/json")]})
            await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def is_question(scope: Scope) -> bool:
    """Return whether an HTTP request changes nothing, going by its method and path."""
    method, path = scope["method"], scope["path"]
    asks = method == "POST" and QUESTIONS.fullmatch(path)
    return not CLOSED.search(path) and (method in READING or bool(asks))


def app() -> ReadOnly:
    """Return the app for the store of the environment.

    Raises:
        mlflow.exceptions.MlflowException: the store cannot be opened.
    """
    store = os.environ["MLFLOW_BACKEND_STORE_URI"]
    registry = os.environ["MLFLOW_REGISTRY_STORE_URI"]
    artifacts = "mlflow-artifacts:/"
    os.environ |= {  # what MLflow's command line tells its server
        server.BACKEND_STORE_URI_ENV_VAR: store,
        server.REGISTRY_STORE_URI_ENV_VAR: registry,
        server.ARTIFACT_ROOT_ENV_VAR: artifacts,
        server.ARTIFACTS_DESTINATION_ENV_VAR: os.environ.get(
            "MLFLOW_ARTIFACTS_DESTINATION", "./mlartifacts"
        ),
        server.SERVE_ARTIFACTS_ENV_VAR: "true",
    }
    handlers.initialize_backend_stores(store, registry, artifacts)
    from mlflow.server.fastapi_app import app as whole

    return ReadOnly(whole)
