"""Benchmarks in words that the miniature models know; slow tests read the real ones."""

import pytest

from tests.small_sets import write_sets


@pytest.fixture
def sets(request, own_cache, monkeypatch):
    """The cache folder with these benchmarks; a slow test has the user's own cache."""
    if request.node.get_closest_marker("slow"):
        monkeypatch.delenv("EQUIPOISE_CACHE")
    else:
        write_sets(own_cache)
    return own_cache
