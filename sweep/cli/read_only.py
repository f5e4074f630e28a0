"""MLflow's server as a page to look at: an ASGI app that refuses whatever would change the record.

`sweep ui` has uvicorn serve it to everybody on the machine. MLflow's own server lets them delete runs
and write files below its folder. Its checks of host and origin stay: this app stands before them.
"""

from __future__ import annotations

import json
import os
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from mlflow import server
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, ErrorCode
from mlflow.server import handlers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Scope = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Any]]
    Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

READING = ("GET", "HEAD", "OPTIONS")  # methods
# Questions that MLflow's pages ask by POST. `2.0mlflow` is as MLflow has it.
QUESTIONS = re.compile(
    r"/graphql|/(?:ajax-)?api/[23]\.0/?mlflow/(?:[\w-]+/search|experiments/search-datasets|"
    r"registered-models/get-latest-versions|"
    r"traces/(?:metrics|batchGetInfos|calculate-filter-correlation))"
)
REFUSAL = (
    "this server shows the record and must not change it, but was asked to by {} {}: `sweep ui "
    "--write` starts one to which people log in, and may."
)
# What MLflow's command line would tell its server.
SETTINGS = {
    server.BACKEND_STORE_URI_ENV_VAR: os.environ["MLFLOW_BACKEND_STORE_URI"],
    server.REGISTRY_STORE_URI_ENV_VAR: os.environ["MLFLOW_REGISTRY_STORE_URI"],
    server.ARTIFACT_ROOT_ENV_VAR: "mlflow-artifacts:/",
    server.ARTIFACTS_DESTINATION_ENV_VAR: os.environ.get(
        "MLFLOW_ARTIFACTS_DESTINATION", "./mlartifacts"
    ),
    server.SERVE_ARTIFACTS_ENV_VAR: "true",
}


class ReadOnly:
    """An ASGI app that hands another one what asks, and refuses everything else.

    whole: the other app.
    """

    def __init__(self, whole: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        self._whole = whole

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and asks(scope)):
            await self._whole(scope, receive, send)
        elif scope["type"] == "http":
            sentence = REFUSAL.format(scope["method"], scope["path"][:200])
            told = {"error_code": ErrorCode.Name(PERMISSION_DENIED), "message": sentence}
            kind = [(b"content-type", b"application/json")]
            start = {"status": HTTPStatus.FORBIDDEN, "headers": kind}
            await send({"type": "http.response.start", **start})
            await send({"type": "http.response.body", "body": json.dumps(told).encode()})


def asks(scope: Scope) -> bool:
    """Return whether an HTTP request changes nothing, going by its method and path."""
    is_question = scope["method"] == "POST" and QUESTIONS.fullmatch(scope["path"])
    return scope["method"] in READING or bool(is_question)


def _app() -> ReadOnly:
    """Return the app for the store of the environment.

    Raises:
        mlflow.exceptions.MlflowException: the store cannot be opened.
    """
    os.environ.update(SETTINGS)
    handlers.initialize_backend_stores(
        SETTINGS[server.BACKEND_STORE_URI_ENV_VAR],
        SETTINGS[server.REGISTRY_STORE_URI_ENV_VAR],
        SETTINGS[server.ARTIFACT_ROOT_ENV_VAR],
    )
    from mlflow.server.fastapi_app import app as whole

    return ReadOnly(whole)


app = _app()
