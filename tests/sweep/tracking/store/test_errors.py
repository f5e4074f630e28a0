"""What the errors of real clients mean; those of a real gateway are in test_gateways.py."""

import sqlite3

import pytest
import requests
from botocore.exceptions import ClientError
from mlflow.exceptions import MlflowException, RestException

from sweep.tracking.store import errors as store_errors


def answered(status, text="<html>no</html>"):
    """The error of an artifact's upload that got this answer."""
    response = requests.Response()
    response.status_code, response._content = status, text.encode()
    return requests.HTTPError(
        f"{status} Client Error: no. Response text: {text}", response=response
    )


def in_bucket(status):
    """The error of a bucket that got this answer."""
    metadata = {"ResponseMetadata": {"HTTPStatusCode": status}, "Error": {"Code": "X"}}
    return ClientError(metadata, "PutObject")


def of_api(status):
    """The error of MLflow's client that got a page."""
    return MlflowException(
        f"API request to endpoint /x failed with error code {status} != 200. Response body: '<html>'"
    )


@pytest.mark.parametrize("error_of", [answered, in_bucket, of_api])
@pytest.mark.parametrize(
    ("status", "is_lasting"),
    [
        *((status, True) for status in (400, 404, 405, 411, 413, 414, 415, 422, 431, 501, 507)),
        *((status, False) for status in (401, 403, 407, 408, 425, 429, 500, 502, 503, 504)),
    ],
)
def test_a_code_tells_whether_a_repetition_would_get_it_again(error_of, status, is_lasting):
    error = error_of(status)
    assert store_errors.is_of_store(error)
    assert store_errors.status_of(error) == status
    assert store_errors.is_lasting(error) is is_lasting
    assert store_errors.reason(error).startswith(f"{status} ")
    assert f"answers {status} " in store_errors.sentence(error, "http://x")
    assert "<html>" not in store_errors.sentence(error, "http://x")


def test_an_error_of_mlflow_itself_is_told_by_its_own_code():
    refused = RestException({"error_code": "INVALID_PARAMETER_VALUE", "message": "too long"})
    assert store_errors.is_lasting(refused)
    assert store_errors.reason(refused) == "INVALID_PARAMETER_VALUE: too long"
    assert not store_errors.is_lasting(RestException({"error_code": "TEMPORARILY_UNAVAILABLE"}))


def test_the_first_cause_is_told_and_not_what_was_made_of_it():
    def fail():
        try:
            try:
                raise sqlite3.OperationalError("attempt to write a readonly database")
            except sqlite3.OperationalError as error:
                raise MlflowException(
                    "(sqlite3.OperationalError) attempt\n[SQL: INSERT]"
                ) from error
        except MlflowException as error:
            return error

    assert store_errors.reason(fail()) == "attempt to write a readonly database"
    assert "[SQL" not in store_errors.sentence(fail(), "sqlite:///x.db")


def test_a_reason_is_short():
    assert len(store_errors.reason(MlflowException("x" * 10_000))) == 200


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), KeyError("x"), RuntimeError("x")])
def test_errors_of_other_libraries_are_none_of_the_store(error):
    assert not store_errors.is_of_store(error)
