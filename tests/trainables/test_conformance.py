"""Every plugin of the four unions, and every named data set, keeps to the laws of its kind."""

import pytest

from tests import conformance
from tests.conformance import cases, describe, instances, laws
from tests.conformance import evaluator as laws_of_evaluators
from tests.small_sets import write_named_sets, write_sets
from trainables import evaluators, objectives, parameters, regularisers
from trainables.data import sets
from trainables.data.sets import base, user_file

pytestmark = pytest.mark.usefixtures("tasks")
KINDS = {
    "objective": (objectives, objectives.AnyObjective),
    "regulariser": (regularisers, regularisers.AnyRegulariser),
    "parameters": (parameters, parameters.AnyParameters),
    "evaluator": (evaluators, evaluators.AnyEvaluator),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_file_of_a_package_is_listed(kind):
    conformance.every_file_of_a_package_is_listed(*KINDS[kind])


@pytest.mark.parametrize("law", laws("plugin"))
@pytest.mark.parametrize(
    "plugin", [plugin for _, union in KINDS.values() for plugin in instances(union)], ids=describe
)
def test_plugin(plugin, law):
    law(plugin)


@pytest.mark.parametrize(("plugin", "law"), cases(KINDS["objective"][1], "objective"))
def test_objective(plugin, law, model):
    law(plugin, model)


@pytest.mark.parametrize(("plugin", "law"), cases(KINDS["regulariser"][1], "regulariser"))
def test_regulariser(plugin, law, model):
    law(plugin, model)


@pytest.mark.parametrize(("plugin", "law"), cases(KINDS["parameters"][1], "parameters"))
def test_parameters(plugin, law, model):
    law(plugin, model)


@pytest.mark.parametrize(("plugin", "law"), cases(KINDS["evaluator"][1], "evaluator"))
def test_evaluator(plugin, law, model, own_cache):
    write_sets(own_cache)
    if model.family in plugin.families:
        law(plugin, model)
    else:
        with pytest.raises(ValueError, match=f"evaluator {plugin.name} is for"):
            laws_of_evaluators.fits_into_a_trial(plugin, model)


@pytest.fixture
def small_sets(tmp_path, monkeypatch):
    write_named_sets(tmp_path)
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # a file that is missing is not downloaded


def test_every_named_data_set_is_listed():
    kinds = {base.DataSet, base.AlignmentSet, base.TextSet, user_file.UserFile}
    named = conformance.defined_in(sets, base.DataSet) - kinds
    assert named == set(map(type, sets.SETS.values()))


@pytest.mark.parametrize("law", laws("data_set"))
@pytest.mark.parametrize("name", sets.SETS)
def test_data_set(name, law, small_sets):
    law(sets.SETS[name])


@pytest.mark.parametrize("law", laws("alignment_set"))
@pytest.mark.parametrize("name", sets.ALIGNMENT_SETS)
def test_alignment_set(name, law, small_sets):
    law(sets.ALIGNMENT_SETS[name])


@pytest.mark.parametrize("law", laws("text_set"))
@pytest.mark.parametrize("name", sets.TEXT_SETS)
def test_text_set(name, law, small_sets):
    law(sets.TEXT_SETS[name])
