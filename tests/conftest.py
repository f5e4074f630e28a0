"""Settings of all tests: no example of hypothesis fails because the machine is busy.

In CI they are the same each time, so that what it says is about the change; elsewhere others are tried.
Signals count as at a terminal, although a shell ignores some of them for what it runs in the background.
"""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests import servers

settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("ours")

# Files that take a minute or more begin first, so that no process is left with one of them at the end.
FIRST = (
    "tests/trainables/test_conformance.py",
    "tests/sweep/driver/test_loop.py",
    "tests/trainables/training/test_ranks.py",
    "tests/trainables/test_trial.py",
    "tests/sweep/driver/test_run_sweep.py",
    "tests/trainables/test_families.py",
    "tests/trainables/test_architectures.py",
    "tests/trainables/training/test_engine.py",
)

signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of FIRST before all others, whose order stays."""
    places = {name: place for place, name in enumerate(FIRST)}
    items.sort(key=lambda item: places.get(item.nodeid.partition("::")[0], len(places)))


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.PostgreSQL]:
    """A PostgreSQL server that requires a password."""
    try:
        with servers.postgresql() as server:
            yield server
    except servers.NotInstalled as error:
        pytest.skip(str(error))
