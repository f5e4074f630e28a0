"""Random search."""

import math

import numpy as np
import pytest

from sweep.samplers import Random
from tests.sweep.samplers.conftest import run

TREE = {"x": {"uniform": [2, 4]}, "y": {"loguniform": [1, 100]}}


def test_it_draws_uniformly_or_on_the_logarithm():
    for seed, params in enumerate(run(Random(), TREE, 5, lambda params: 0.0)):
        generator = np.random.RandomState(seed)
        assert params["x"] == pytest.approx(2 + 2 * generator.random_sample())
        assert params["y"] == pytest.approx(math.exp(math.log(100) * generator.random_sample()))


def test_results_of_earlier_trials_have_no_influence():
    good, bad = (
        run(Random(), TREE, 20, lambda params, sign=sign: sign * params["x"]) for sign in (1, -1)
    )
    assert good == bad == run(Random(), TREE, 20, None)
