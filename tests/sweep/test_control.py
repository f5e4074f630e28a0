"""The listener of a driver on a real MLflow store: requests are heard, and the heart beats."""

import time

import pytest

from sweep import asked, control, tracking
from sweep.asked import Asked
from sweep.control import ALIVE, Listener
from sweep.outbox import now
from sweep.spec import load

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
    return tracking.open_sweep(uri, spec, document.text, {}, str(store / spec.name))


def until(holds):
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_was_requested_before_it_listens_is_known_at_once(record):
    asked.ask(record, "pause")
    listener = Listener(record)
    assert listener.asked == Asked()
    with listener:
        assert listener.asked == Asked("pause")


def test_what_is_requested_while_it_listens_is_heard(record):
    with Listener(record) as listener:
        asked.ask(record, "stop")
        asked.cancel_trials(record, frozenset([3]))
        until(lambda: listener.asked == Asked("stop", frozenset([3])))


def test_that_the_driver_lives_is_written_again_and_again(record, monkeypatch):
    monkeypatch.setattr(control, "BEAT_EVERY_S", 0.0)
    began = now()
    with Listener(record):
        first = int(record.tags()[ALIVE])
        assert began <= first <= now()
        until(lambda: int(record.tags()[ALIVE]) > first)


def test_while_mlflow_is_away_the_last_request_holds(record, monkeypatch):
    monkeypatch.setattr(control, "LISTEN_EVERY_S", 0.1)
    asked.ask(record, "pause")
    with Listener(record) as listener:
        record.tracking_uri, address = "sqlite:////dev/null/mlflow.db", record.tracking_uri
        time.sleep(1)
        assert listener.asked == Asked("pause")
        record.tracking_uri = address
        asked.ask(record, "go")
        until(lambda: listener.asked == Asked("go"))
