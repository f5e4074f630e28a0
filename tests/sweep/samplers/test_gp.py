"""Gaussian processes."""

import torch

from sweep.samplers import Gp, Random
from tests.sweep.samplers.conftest import run

TREE = {"x": {"uniform": [0, 1]}}


def test_after_ten_trials_at_random_it_finds_the_lowest_point_of_a_parabola():
    def cost(params):
        return (params["x"] - 0.3) ** 2

    torch.set_num_threads(1)  # more are slower for so few trials
    suggested, drawn = run(Gp(), TREE, 14, cost), run(Random(), TREE, 14, cost)
    assert suggested[:10] == drawn[:10]
    assert min(abs(params["x"] - 0.3) for params in suggested[10:]) < 0.01
    assert min(abs(params["x"] - 0.3) for params in drawn) > 0.01
