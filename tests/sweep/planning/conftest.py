"""What tests of plans share: a machine without a GPU, one with two, and plans of shipped specs."""

import pytest

from sweep.config.check import check
from sweep.config.spec import SweepSpec
from sweep.planning.machine import Machine
from sweep.planning.work.evaluation_work import reading_of
from tests.sweep.conftest import SPECS, TINY
from trainables.schema.yaml_file import read

LAPTOP = Machine("a processor", 4, (), 16_000_000_000)
SERVER = Machine("a processor", 32, ("a GPU", "a GPU"), 500_000_000_000, 80_000_000_000)


@pytest.fixture
def spec_with(tmp_path):
    """A function that returns the spec TINY with new text by old text."""

    def spec_with(*changes: tuple[str, str]) -> SweepSpec:
        text = TINY
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        path = tmp_path / "spec.yaml"
        path.write_text(text)
        return check(read(path))

    return spec_with


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """A cache folder without calibrations, weights and data."""
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    reading_of.cache_clear()


def shipped(name: str) -> SweepSpec:
    """Return a shipped spec."""
    return check(read(SPECS / f"{name}.yaml"))
