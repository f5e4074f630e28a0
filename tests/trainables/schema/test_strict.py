"""Strict models: nothing is dropped, converted or changed."""

import math

import pytest
from pydantic import ValidationError

from trainables.schema.strict import Strict, by_name


class Settings(Strict):
    steps: int = 1
    lr: float = 0.1


@pytest.mark.parametrize(
    "settings",
    [
        {"stpes": 3},
        {"steps": "3"},
        {"steps": 3.0},
        {"lr": math.nan},
        {"lr": math.inf},
        {"lr": True},
    ],
)
def test_unknown_keys_other_types_and_numbers_without_end_are_refused(settings):
    with pytest.raises(ValidationError):
        Settings.model_validate(settings)


def test_a_whole_number_is_taken_where_any_number_may_stand():
    assert Settings.model_validate({"steps": 3, "lr": 1}) == Settings(steps=3, lr=1.0)


def test_settings_cannot_be_changed():
    with pytest.raises(ValidationError, match="frozen"):
        Settings().steps = 2


def test_a_word_is_short_for_a_mapping_with_that_name_alone():
    assert by_name("cda") == {"name": "cda"}
    assert by_name({"name": "cda", "sides": "two"}) == {"name": "cda", "sides": "two"}
    assert by_name(3) == 3
