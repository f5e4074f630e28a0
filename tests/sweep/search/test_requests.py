"""What a trial was asked to run follows from its parameters in the study."""

import optuna
import pytest

from sweep.config.check import check
from sweep.search.requests import request_of
from sweep.search.searcher import ParetoSearch
from sweep.trial_request import TrialRequest
from tests.sweep.conftest import TINY
from trainables.schema.yaml_file import read


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return check(read(path))


def test_it_is_what_the_search_has_asked_for(spec):
    study = optuna.create_study(directions=["minimize"] * 2)
    search = ParetoSearch(spec, study, spec.metrics(), print)
    asked = TrialRequest.of(search.suggest("a"))
    again = request_of(study.trials[0], spec)
    assert (again.number, dict(again.trial), again.fault) == (0, dict(asked.trial), "")


def test_a_trial_that_has_lost_parameters_is_no_valid_one(spec):
    study = optuna.create_study(directions=["minimize"] * 2)
    study.ask()
    assert request_of(study.trials[0], spec).fault == "its parameters are not known"
