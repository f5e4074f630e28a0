"""Every plugin of the four unions keeps to the laws of its kind."""

import pytest

from tests import conformance
from tests.conformance import describe, instances, laws
from tests.small_sets import write_sets
from trainables import evaluators, objectives, parameters, regularisers

KINDS = {
    "objective": (objectives, objectives.Objective),
    "regulariser": (regularisers, regularisers.Regulariser),
    "parameters": (parameters, parameters.Parameters),
    "evaluator": (evaluators, evaluators.Evaluator),
}


def each(kind):
    """Every instance of a kind under every law of it."""
    return [
        pytest.param(plugin, law, id=f"{law.__name__}: {describe(plugin)}")
        for plugin in instances(KINDS[kind][1])
        for law in laws(kind)
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_package_is_listed(kind):
    conformance.every_file_of_a_package_is_listed(*KINDS[kind])


@pytest.mark.parametrize("law", laws("plugin"))
@pytest.mark.parametrize(
    "plugin", [plugin for _, union in KINDS.values() for plugin in instances(union)], ids=describe
)
def test_plugin(plugin, law):
    law(plugin)


@pytest.mark.parametrize(("plugin", "law"), each("objective"))
def test_objective(plugin, law, model):
    law(plugin, model)


@pytest.mark.parametrize(("plugin", "law"), each("regulariser"))
def test_regulariser(plugin, law, model):
    law(plugin, model)


@pytest.mark.parametrize(("plugin", "law"), each("parameters"))
def test_parameters(plugin, law, model):
    law(plugin, model)


@pytest.mark.parametrize(("plugin", "law"), each("evaluator"))
def test_evaluator(plugin, law, model, own_cache):
    write_sets(own_cache)
    law(plugin, model)
