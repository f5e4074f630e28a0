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

signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGQUIT, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.PostgreSQL]:
    """A PostgreSQL server that requires a password."""
    try:
        with servers.postgresql() as server:
            yield server
    except servers.NotInstalled as error:
        pytest.skip(str(error))
