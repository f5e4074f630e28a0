"""Learning rates, step by step."""

import pytest

from trainables.config import TrainConfig
from trainables.training.schedule import lr_factor


@pytest.mark.parametrize(
    ("schedule", "warmup", "shares"),
    [
        ("constant", 0.0, [1, 1, 1, 1]),
        ("linear", 0.0, [1, 0.75, 0.5, 0.25]),
        ("cosine", 0.0, [1, 0.5 + 0.5**1.5, 0.5, 0.5 - 0.5**1.5]),
        ("constant", 0.5, [1 / 3, 2 / 3, 1, 1]),
        ("linear", 0.5, [1 / 3, 2 / 3, 1, 0.5]),
        ("linear", 0.75, [0.25, 0.5, 0.75, 1]),
    ],
)
def test_the_learning_rate_follows_its_schedule(schedule, warmup, shares):
    train = TrainConfig(lr=0.1, steps=4, schedule=schedule, warmup=warmup)
    assert [lr_factor(train, step) for step in range(4)] == pytest.approx(shares)


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 0.5, 0.99])
@pytest.mark.parametrize("steps", [1, 2, 7, 100])
def test_the_learning_rate_is_never_zero_nor_above_its_peak(schedule, warmup, steps):
    train = TrainConfig(lr=0.1, steps=steps, schedule=schedule, warmup=warmup)
    shares = [lr_factor(train, step) for step in range(steps)]
    assert all(0 < share <= 1 for share in shares)
    peak = shares.index(max(shares))
    assert shares[: peak + 1] == sorted(shares[: peak + 1])
    assert shares[peak:] == sorted(shares[peak:], reverse=True)
