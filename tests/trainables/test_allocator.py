"""Freed memory is kept: counted in pages that are fetched anew."""

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="glibc only")

FAULTS = """
import resource, sys, torch
from trainables.allocator import keep_freed_memory

kept = keep_freed_memory() if "keep" in sys.argv else None
for _ in range(20):  # blocks are aligned, so the first ones do not fit where the last one was
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    block = torch.ones(25 * 10**6)  # 100 MB
    del block
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
print(kept, faults)
"""
PAGES = 10**8 / os.sysconf("SC_PAGE_SIZE")


def test_a_block_that_was_freed_is_used_again_without_fetching_its_pages(python):
    status, output, errors = python("-c", FAULTS, "keep")
    assert status == 0, errors
    kept, faults = output.split()
    assert kept == "True"
    assert int(faults) < PAGES / 100


@pytest.mark.parametrize(
    "variables",
    [{"MALLOC_TRIM_THRESHOLD_": "131072"}, {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=7"}],
)
def test_settings_of_the_user_for_memory_stay(variables, python):
    status, output, errors = python("-c", FAULTS, "keep", **variables)
    assert status == 0, errors
    assert output.split()[0] == "False"
