"""The keys that are held out of training."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.data.splits import is_held_out


@given(st.text())
def test_a_key_is_held_out_if_the_first_four_bytes_of_its_digest_are_a_multiple_of_ten(key):
    assert is_held_out(key) == (int(sha256(key.encode()).hexdigest()[:8], 16) % 10 == 0)


def test_a_tenth_is_held_out():
    held_out = sum(is_held_out(f"text {n}") for n in range(10_000))
    assert held_out == pytest.approx(1000, abs=100)  # more than three standard deviations


def test_the_split_of_shipped_experiments_never_moves():
    assert [n for n in range(60) if is_held_out(str(n))] == [11, 46]
