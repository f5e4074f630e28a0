"""The sampler of a spec that names none."""

from sweep.samplers import Auto, Tpe
from tests.sweep.samplers.conftest import run

TREE = {"x": {"uniform": [0, 1]}, "option": {"choice": ["a", "b"]}}


def test_it_suggests_what_tpe_suggests():
    assert run(Auto(), TREE, 14, lambda p: p["x"]) == run(Tpe(), TREE, 14, lambda p: p["x"])
