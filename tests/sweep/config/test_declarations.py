"""What is recorded of a spec: enough to read its sweep, and how it is searched in a few words."""

import json

import pytest
from ruamel.yaml import YAML

from sweep.config.declarations import declarations, search_params
from sweep.config.spec import Search, SweepSpec
from sweep.samplers import Tpe
from tests.sweep.conftest import TINY


@pytest.fixture
def spec() -> SweepSpec:
    return SweepSpec.model_validate(YAML(typ="safe", pure=True).load(TINY))


def test_goals_metrics_and_searched_names_are_declared_as_json(spec):
    declared = json.loads(json.dumps(declarations(spec)))
    assert declared["goals"] == ["bias/miniature/gap", "forgetting/general/nll_rise"]
    assert {metric["name"] for metric in declared["metrics"]} == set(spec.metrics())
    assert declared["num_trials"] == 4
    assert declared["searched"] == ["objective", "objective.weight", "train.lr"]
    assert declared["constraints"] == {}
    names = [evaluator["name"] for evaluator in declared["evaluators"]]
    assert names == [evaluator.name for evaluator in spec.trials()[0].evaluators]
    assert declared["evaluators"][0]["data"] == "miniature"
    assert declared["evaluators"][0]["split"] == "dev", "defaults are written out"


def test_sampler_and_scheduler_are_parameters_by_their_names_alone(spec):
    goals = json.dumps(spec.goals)
    assert search_params(spec) == {
        "goals": goals,
        "search.sampler": "random",
        "search.seed": "0",
        "scheduler": "none",
    }


def test_a_setting_of_a_sampler_is_a_parameter_with_a_dotted_name(spec):
    spec = spec.model_copy(update={"search": Search(sampler=Tpe(startup=20))})
    params = search_params(spec)
    assert params["search.sampler"] == "tpe"
    assert params["search.sampler.startup"] == "20"
