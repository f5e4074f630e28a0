"""NSGA-II."""

from sweep.samplers import Nsga2, Random
from tests.sweep.samplers.conftest import run

NAMES = ("a", "b", "c", "d")
TREE = {name: {"uniform": [0, 1]} for name in NAMES}


def test_fifty_trials_are_drawn_then_their_values_are_passed_on_but_for_a_quarter():
    """Of four parameters one in four is drawn anew, the chance of a mutation being 1 / 4."""

    def cost(params):
        return sum(params.values())

    trials = run(Nsga2(), TREE, 100, cost)
    assert trials[:50] == run(Random(), TREE, 50, cost)
    values = {name: {params[name] for params in trials[:50]} for name in NAMES}
    passed_on = [child[name] in values[name] for child in trials[50:] for name in NAMES]
    assert 0.65 < sum(passed_on) / len(passed_on) < 0.85
    assert sum(map(cost, trials[50:])) < sum(map(cost, trials[:50]))
