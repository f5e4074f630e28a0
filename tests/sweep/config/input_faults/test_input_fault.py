"""Faults as values: the key of a trial, what the trial has there, and the words."""

from functools import partial

import pytest

from sweep.config.input_faults.input_fault import fault_in, faults_of
from trainables.config import TrialConfig
from trainables.objectives import NoObjective
from trainables.schema.faults import Fault


@pytest.fixture
def trial():
    return TrialConfig.model_validate(
        {
            "model": {"path": "miniature-llama"},
            "alignment": {"data": "miniature", "size": 8},
            "parameters": {"name": "lora", "targets": ["one", "two"]},
            "train": {"lr": 1e-3, "steps": 1},
            "evaluators": ["weights"],
        }
    )


def refuse(sentence):
    raise ValueError(sentence)


def test_a_fault_of_a_trial_has_what_the_trial_has_at_its_place(trial):
    fault = fault_in(trial, Fault(("alignment", "size"), "must be at most 5, but got 8."))
    assert fault.value == 8
    assert str(fault) == "trial.alignment.size must be at most 5, but got 8."


@pytest.mark.parametrize(
    ("sentence", "key", "value"),
    [
        ("parameters.targets must be others.", ("parameters", "targets"), ("one", "two")),
        ("model.start must be auto.", ("model", "start"), "auto"),
        ("objective none needs words.", ("objective",), NoObjective()),
        ("model.nothing must be there.", ("model", "nothing"), None),
    ],
)
def test_the_key_that_a_check_names_first_is_the_place(sentence, key, value, trial):
    (fault,) = faults_of(partial(refuse, sentence), trial)
    assert fault.key == key
    assert fault.value == value
    assert str(fault) == f"trial.{sentence}"


def test_a_check_that_raises_nothing_finds_nothing(trial):
    assert faults_of(lambda: None, trial) == []
