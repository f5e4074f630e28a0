"""The listener of a driver on a real MLflow store: requests are heard, and the heart beats."""

import time

import pytest

from analysis.record.names import Tag
from sweep.config.check import load
from sweep.driver import listener
from sweep.driver.listener import Listener
from sweep.tracking import requests, sweeps
from sweep.tracking.entries import now
from sweep.tracking.requests import Requests

pytestmark = pytest.mark.timeout(120)  # the first makes the store's tables


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def record(store, tiny, request):
    """That of a sweep of its own in a store for all."""
    spec, document = load(tiny)
    spec = spec.model_copy(update={"name": request.node.name.replace("_", "-")})
    uri = f"sqlite:///{store / 'mlflow.db'}"
    return sweeps.open_sweep(uri, spec, document.text, {}, str(store / spec.name))


def until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_requested_before_it_listens_is_known_at_once(record):
    requests.request(record, "pause")
    listener = Listener(record)
    assert listener.asked == Requests()
    with listener:
        assert listener.asked == Requests("pause")


def test_what_is_requested_while_it_listens_is_heard(record):
    with Listener(record) as listener:
        requests.request(record, "stop")
        requests.cancel_trials(record, frozenset([3]))
        until(lambda: listener.asked == Requests("stop", frozenset([3])))


def test_that_the_driver_lives_is_written_again_and_again(record, monkeypatch):
    monkeypatch.setattr(listener, "BEAT_EVERY_S", 0.0)
    began = now()
    with Listener(record):
        first = int(record.tags()[Tag.ALIVE])
        assert began <= first <= now()
        until(lambda: int(record.tags()[Tag.ALIVE]) > first)


def test_while_mlflow_is_away_the_last_request_holds(record, monkeypatch):
    monkeypatch.setattr(listener, "LISTEN_EVERY_S", 0.1)
    requests.request(record, "pause")
    with Listener(record) as hearing:
        record.tracking_uri, address = "sqlite:////dev/null/mlflow.db", record.tracking_uri
        time.sleep(1)
        assert hearing.asked == Requests("pause")
        record.tracking_uri = address
        requests.request(record, "go")
        until(lambda: hearing.asked == Requests("go"))
