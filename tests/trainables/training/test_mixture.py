"""Mixing old texts into new ones at an exact ratio."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.training.mixture import mix

MIXES = {
    "num_new": st.integers(1, 40),
    "num_old": st.integers(0, 200),
    "ratio": st.floats(0, 0.99),
    "length": st.integers(1, 200),
    "seed": st.integers(0, 2**31 - 1),
}


def old_in(items):
    return [index for is_old, index in items if is_old]


def new_in(items):
    return [index for is_old, index in items if not is_old]


@pytest.mark.parametrize(
    ("ratio", "length", "num_old"),
    [
        (0.0, 100, 0),
        (0.001, 100, 0),
        (0.01, 100, 1),
        (0.05, 100, 5),
        (0.1, 96, 10),
        (0.25, 8, 2),
        (0.3, 10, 3),
        (1 / 3, 9, 3),
        (0.5, 7, 4),
        (0.9, 10, 9),
        (0.99, 100, 99),
    ],
)
def test_the_share_of_old_texts_is_the_ratio(ratio, length, num_old):
    mixed = mix(1000, 1000, ratio, length=length, seed=0)
    assert len(old_in(mixed.items)) == num_old
    assert len(mixed.items) == length
    assert mixed.shortfall == 0


@given(**MIXES)
def test_the_count_of_old_texts_is_exact_or_its_shortfall_is_given(
    num_new, num_old, ratio, length, seed
):
    mixed = mix(num_new, num_old, ratio, length=length, seed=seed)
    assert len(mixed.items) == length
    assert abs(len(old_in(mixed.items)) + mixed.shortfall - ratio * length) <= 0.5 + 1e-9
    assert mixed.shortfall == 0 or len(old_in(mixed.items)) == num_old


@given(**MIXES)
def test_every_prefix_holds_its_share_of_the_old_texts_to_within_one(
    num_new, num_old, ratio, length, seed
):
    items = mix(num_new, num_old, ratio, length=length, seed=seed).items
    share = Fraction(len(old_in(items)), length)
    for n in range(length + 1):
        assert abs(len(old_in(items[:n])) - share * n) < 1


@given(**MIXES)
def test_no_old_text_comes_twice(num_new, num_old, ratio, length, seed):
    old = old_in(mix(num_new, num_old, ratio, length=length, seed=seed).items)
    assert len(set(old)) == len(old)
    assert all(0 <= index < num_old for index in old)


@given(**MIXES)
def test_new_texts_come_in_whole_epochs(num_new, num_old, ratio, length, seed):
    new = new_in(mix(num_new, num_old, ratio, length=length, seed=seed).items)
    for first in range(0, len(new), num_new):
        epoch = new[first : first + num_new]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(num_new))
    assert max(Counter(new).values(), default=0) <= -(-len(new) // num_new)


@given(**MIXES)
def test_the_same_arguments_give_the_same_stream(num_new, num_old, ratio, length, seed):
    once, again = (mix(num_new, num_old, ratio, length=length, seed=seed) for _ in range(2))
    assert once == again


def test_another_seed_gives_another_order_of_both():
    first, second = (mix(50, 50, 0.5, length=60, seed=seed).items for seed in (0, 1))
    assert old_in(first) != old_in(second)
    assert new_in(first) != new_in(second)


def test_texts_are_shuffled_and_each_epoch_anew():
    new = new_in(mix(50, 0, 0.0, length=100, seed=0).items)
    assert new[:50] != sorted(new[:50])
    assert new[:50] != new[50:]


def test_a_small_replay_set_runs_short_and_new_texts_take_the_places():
    mixed = mix(4, 3, 0.5, length=20, seed=0)
    assert mixed.shortfall == 7
    assert sorted(old_in(mixed.items)) == [0, 1, 2]
    assert len(new_in(mixed.items)) == 17


def test_a_ratio_of_zero_equals_no_replay():
    assert mix(9, 0, 0.0, length=30, seed=3) == mix(9, 500, 0.0, length=30, seed=3)


def test_the_order_of_new_texts_does_not_depend_on_the_ratio():
    without, with_replay = (mix(9, 90, ratio, length=60, seed=3).items for ratio in (0.0, 0.5))
    assert new_in(with_replay) == new_in(without)[:30]


def test_without_new_texts_there_is_nothing_to_mix():
    with pytest.raises(ValueError, match="there must be new texts"):
        mix(0, 5, 0.5, length=4, seed=0)
