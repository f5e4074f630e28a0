"""What an error or an answer of the tracking store means, in words; whether repeating may help.

Such errors come from MLflow's client, from the HTTP and database libraries below it, and, for
artifacts, from clients of buckets. They are told by the names of their modules, so that nothing is
imported that the process has not loaded.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any
from urllib.parse import urljoin, urlsplit

from trainables.schema.causes import causes
from trainables.schema.text.masking import masked
from trainables.schema.text.shown import first_line

# Where the errors of a store come from: MLflow, HTTP, databases, buckets.
LIBRARIES = (
    "mlflow", "requests", "urllib3", "sqlalchemy", "psycopg", "sqlite3", "google.protobuf",
    "botocore", "boto3", "s3transfer",
)  # fmt: skip

# MLflow's own codes for requests that it would refuse every time.
REFUSALS = {
    "BAD_REQUEST",
    "INVALID_PARAMETER_VALUE",
    "INVALID_STATE",
    "MALFORMED_REQUEST",
    "RESOURCE_ALREADY_EXISTS",
    "RESOURCE_DOES_NOT_EXIST",
}
# HTTP codes below 500 that say nothing about the request itself: who asks, and how often.
PASSING = {401, 403, 407, 408, 425, 429}
# HTTP codes from 500 on that a repeated request would get again.
LASTING = {501, 505, 507, 508}
# How MLflow's client and the HTTP libraries say a code in their errors.
STATUS_IN_WORDS = re.compile(
    r"failed with error code (\d{3})\b|too many (\d{3}) error|\b(\d{3}) (?:Client|Server) Error"
)
MAX_CHARS = 200  # of a reason in somebody else's words

REMEDIES = {
    401: "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN",
    403: "ask whoever runs it for access, or log in as somebody who has it",
    407: "give the address of the proxy with its user name and password",
    429: "try again later",
}
OTHER_REMEDY = "check the address, and any gateway before it"


class OtherAnswer(Exception):
    """Something else than MLflow has answered a request, with a code that is no error.

    Its text is the answer in words.
    """


def is_of_store(error: BaseException) -> bool:
    """Return whether an error was raised by a library through which a store is reached."""
    return isinstance(error, OtherAnswer) or any(
        module == library or module.startswith(f"{library}.")
        for kind in type(error).__mro__[:-3]  # without Exception, BaseException and object
        for library in LIBRARIES
        for module in [kind.__module__]
    )


def status_of(error: BaseException) -> int | None:
    """Return the HTTP code with which a server answered, or None if the error does not tell it."""
    for cause in causes(error):
        response: Any = getattr(cause, "response", None)
        if isinstance(response, dict):  # of a client of buckets
            status = response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        else:
            status = getattr(response, "status_code", None)
        if status is None and (said := STATUS_IN_WORDS.search(str(cause))):
            status = next(int(number) for number in said.groups() if number)
        if isinstance(status, int):
            return status
    return None


def is_lasting(error: BaseException) -> bool:
    """Return whether a server would refuse the same request every time, going by its answer."""
    if getattr(error, "error_code", None) in REFUSALS:
        return True
    status = status_of(error)
    return status is not None and (
        (400 <= status < 500 and status not in PASSING) or status in LASTING
    )


def is_of_login(error: BaseException) -> bool:
    """Return whether a request was refused for who asks: by its code, or by a page in its place."""
    return bool(of_gateway(error)) or status_of(error) in {401, 403, 407}


def reason(error: BaseException) -> str:
    """Return why a request failed, in a few words: the HTTP code, or the first cause in one line."""
    if words := of_gateway(error):
        return words.removeprefix("answers ")
    if status := status_of(error):
        return f"{status} {phrase(status)}".strip()
    told = [cause for cause in causes(error) if isinstance(cause, OSError) or is_of_store(cause)]
    first_cause = told[-1] if told else error
    while first_cause.args and isinstance(first_cause.args[-1], BaseException):
        first_cause = first_cause.args[-1]  # where urllib3 keeps what it was raised from
    text = masked(first_line(first_cause))
    return text if len(text) <= MAX_CHARS else f"{text[: MAX_CHARS - 1]}…"


def sentence(error: BaseException, store: str) -> str:
    """Return one sentence for an error of a store.

    store: its address, without a password.
    """
    if words := of_gateway(error):
        does, remedy = words, OTHER_REMEDY
    elif status := status_of(error):
        does, remedy = f"answers {reason(error)}", REMEDIES.get(status, OTHER_REMEDY)
    else:
        does, remedy = f"does not ({reason(error)})", "see that it is up and can be written"
    return f"the tracking store {store} must do what it is asked, but {does}: {remedy}."


def phrase(status: int) -> str:
    """Return the standard words for an HTTP code; none for a code that has none.

    >>> phrase(413), phrase(499)
    ('Request Entity Too Large', '')
    """
    return HTTPStatus(status).phrase if status in {*HTTPStatus} else ""


def described(answer: Any, expected: str) -> str:
    """Return the code of an answer, where a redirect led, and what it holds if that is no error.

    answer: of the library requests.
    expected: what it is not, without an article.
    """
    words = f"{answer.status_code} {phrase(answer.status_code)}".strip()
    if answer.history:
        words += f" after {answer.history[0].status_code}, a redirect to {_bare(answer.url)}"
    if answer.ok:
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        words += f" with {kind or 'something'} that is no {expected}"
    return words


def of_gateway(error: BaseException) -> str:
    """Return what a gateway does in place of the server, in words; "" if the error tells of none."""
    for cause in causes(error):
        if isinstance(cause, OtherAnswer):
            return f"answers {cause}"
        if type(cause).__name__ == "TooManyRedirects":
            answer: Any = getattr(cause, "response", None)
            to = urljoin(answer.url, answer.headers.get("Location", ""))
            return f"redirects in a circle (to {_bare(to)})"
    return ""


def asked_last(error: BaseException) -> str:
    """Return the address of the request that failed, which may follow a redirect; "" if unknown."""
    requests = (getattr(cause, "request", None) for cause in causes(error))
    return next((_bare(request.url) for request in requests if request is not None), "")


def _bare(url: str) -> str:
    """Return an address without user name, password and query, which may be secret."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
