"""The listener of a driver on a real MLflow store: it reads requests and writes heartbeats."""

import time

import pytest

from analysis.record.names import Tag
from sweep.config.check import load
from sweep.driver import listener
from sweep.driver.listener import Listener
from sweep.tracking import control_requests, sweeps
from sweep.tracking.control_requests import Requests
from sweep.tracking.entries.kinds import now

pytestmark = pytest.mark.timeout(120)  # the first makes the store's tables


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def record(store, tiny, request):
    """The record of a sweep of its own for each test, in one store."""
    spec, document = load(tiny)
    spec = spec.model_copy(update={"name": request.node.name.replace("_", "-")})
    uri = f"sqlite:///{store / 'mlflow.db'}"
    return sweeps.open_sweep(uri, spec, document.text, {}, str(store / spec.name))


def wait_until(condition):
    """Block until a condition holds; fail after 20 s."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_request_from_before_the_listener_is_opened_is_known_at_once(record):
    control_requests.request(record, "pause")
    listener = Listener(record)
    assert listener.requests == Requests()
    with listener:
        assert listener.requests == Requests("pause")


def test_a_request_while_the_listener_is_open_is_read(record):
    with Listener(record) as listener:
        control_requests.request(record, "stop")
        control_requests.cancel_trials(record, frozenset([3]))
        wait_until(lambda: listener.requests == Requests("stop", frozenset([3])))


def test_heartbeats_are_written_again_and_again(record, monkeypatch):
    monkeypatch.setattr(listener, "BEAT_EVERY_S", 0.0)
    began = now()
    with Listener(record):
        first = int(record.tags()[Tag.ALIVE])
        assert began <= first <= now()
        wait_until(lambda: int(record.tags()[Tag.ALIVE]) > first)


def test_while_mlflow_is_away_the_last_request_holds(record, monkeypatch):
    monkeypatch.setattr(listener, "LISTEN_EVERY_S", 0.1)
    control_requests.request(record, "pause")
    with Listener(record) as open_listener:
        record.tracking_uri, address = "sqlite:////dev/null/mlflow.db", record.tracking_uri
        time.sleep(1)
        assert open_listener.requests == Requests("pause")
        record.tracking_uri = address
        control_requests.request(record, "go")
        wait_until(lambda: open_listener.requests == Requests("go"))
