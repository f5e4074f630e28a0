"""The process that draws fronts lives as long as its drawer, and not longer."""

import os
import subprocess
import sys
import textwrap
import time

import psutil
import pytest

from sweep.config.check import load
from sweep.display import drawer as module
from sweep.display.drawer import Drawer
from sweep.tracking import sweeps
from tests.sweep.conftest import TINY

pytestmark = pytest.mark.timeout(120)  # the first makes the store's tables


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """The address of a store with a sweep that has no trial yet."""
    folder = tmp_path_factory.mktemp("store")
    (folder / "tiny.yaml").write_text(TINY)
    spec, document = load(folder / "tiny.yaml")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    sweeps.open_sweep(uri, spec, document.text, {}, str(folder / spec.name))
    return uri


@pytest.fixture
def drawer(store):
    with Drawer("tiny", store, "http://runs") as drawer:
        yield drawer


def processes_of(parent):
    """Return the processes of a process that draw."""
    children = psutil.Process(parent).children()
    return [child for child in children if module.MODULE in child.cmdline()]


def test_a_front_is_drawn_and_told_in_words_by_one_process(drawer, tmp_path):
    assert processes_of(os.getpid()) == []
    front = drawer.draw(tmp_path)
    assert front.members == frozenset()
    assert front.headline
    assert not front.headline.startswith("tiny")
    assert (tmp_path / "front.html").exists()
    (process,) = processes_of(os.getpid())
    drawer.draw(tmp_path)
    assert processes_of(os.getpid()) == [process]
    drawer.__exit__()
    assert processes_of(os.getpid()) == []


def test_one_that_has_ended_is_a_reason_and_the_next_front_has_another(drawer, tmp_path):
    drawer.draw(tmp_path)
    (process,) = processes_of(os.getpid())
    process.kill()
    with pytest.raises(RuntimeError, match=r"its process ended \(-9\)"):
        drawer.draw(tmp_path)
    assert drawer.draw(tmp_path).headline


def test_what_keeps_a_front_from_being_drawn_is_said(store, tmp_path):
    with Drawer("nowhere", store, "") as drawer, pytest.raises(RuntimeError, match="nowhere"):
        drawer.draw(tmp_path)


def test_the_address_of_the_store_is_not_among_the_arguments(store, tmp_path):
    uri = "postgres://me:hunter2@127.0.0.1:1/none"  # no scheme of a store
    with Drawer("tiny", uri, "") as drawer:
        with pytest.raises(RuntimeError):
            drawer.draw(tmp_path)
        (process,) = processes_of(os.getpid())
        assert "hunter2" not in " ".join(process.cmdline())


def test_it_ends_with_the_process_that_asks_even_where_that_is_killed(store, tmp_path):
    script = f"""
        import time
        from pathlib import Path
        from sweep.display.drawer import Drawer
        with Drawer("tiny", {store!r}, "") as drawer:
            drawer.draw(Path({str(tmp_path)!r}))
            print("drawn", flush=True)
            time.sleep(60)
    """
    asking = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True
    )
    assert asking.stdout.readline() == "drawn\n"
    (process,) = processes_of(asking.pid)
    asking.kill()
    asking.communicate()
    deadline = time.monotonic() + 10
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline
        time.sleep(0.05)
