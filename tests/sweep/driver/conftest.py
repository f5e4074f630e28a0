"""What tests of the driver share."""

import subprocess
import sys

import pytest

from sweep import workspace

HOLD_THE_LOCK = """
import sys, time
from pathlib import Path
from sweep.driver.lock import only_driver
with only_driver(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def driver(sweep_home):
    """Another process that holds the lock of the sweep `tiny`."""
    command = [sys.executable, "-c", HOLD_THE_LOCK, str(workspace.folder("tiny"))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()
