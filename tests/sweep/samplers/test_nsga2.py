"""NSGA-II."""

from sweep.samplers import Nsga2, Random
from tests.sweep.samplers.conftest import run

NAMES = ("a", "b", "c", "d")
TREE = {name: {"uniform": [0, 1]} for name in NAMES}


def test_after_fifty_random_trials_three_quarters_of_the_values_are_inherited():
    """With four parameters the probability of a mutation is 1 / 4 for each, as Optuna has it."""

    def cost(params):
        return sum(params.values())

    trials = run(Nsga2(), TREE, 100, cost)
    assert trials[:50] == run(Random(), TREE, 50, cost)
    values = {name: {params[name] for params in trials[:50]} for name in NAMES}
    inherited = [child[name] in values[name] for child in trials[50:] for name in NAMES]
    assert 0.65 < sum(inherited) / len(inherited) < 0.85
    assert sum(map(cost, trials[50:])) < sum(map(cost, trials[:50]))
