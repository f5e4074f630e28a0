"""The keys of a configuration in words."""

from typing import Literal

import pytest
from pydantic import BaseModel, Field

from trainables.schema.settings import Setting, settings


class Example(BaseModel):
    name: Literal["example"] = "example"
    task: Literal["piqa", "boolq"]
    kind: Literal[1, 2] | None = 1
    data: str = Field(description="which texts")
    limit: int | None = Field(None, ge=1, description="items")
    seed: int = Field(0, ge=0, lt=2**31)
    lr: float = Field(2e-5, gt=0, le=1)
    share: float = Field(0.25, ge=0, lt=1)
    most: float = Field(3.0, le=9)
    above: int = Field(5, gt=4)
    swap: bool = False
    either: int | str = 3


@pytest.mark.parametrize(
    "expected",
    [
        Setting("task", "", ("piqa", "boolq"), "required", ""),
        Setting("kind", "", ("1", "2"), "1", ""),
        Setting("data", "text", (), "required", "which texts"),
        Setting("limit", "whole number ≥ 1", (), "none", "items"),
        Setting("seed", "whole number ≥ 0", (), "0", ""),
        Setting("lr", "0 < number ≤ 1", (), "2e-5", ""),
        Setting("share", "0 ≤ number < 1", (), "0.25", ""),
        Setting("most", "number ≤ 9", (), "3", ""),
        Setting("above", "whole number > 4", (), "5", ""),
        Setting("swap", "true or false", (), "false", ""),
        Setting("either", "whole number or text", (), "3", ""),
    ],
    ids=lambda setting: setting.key,
)
def test_a_key_is_described_by_its_type_bounds_options_default_and_meaning(expected):
    described = {setting.key: setting for setting in settings(Example)}
    assert described[expected.key] == expected


def test_the_keys_come_in_their_order_without_the_name_of_the_plugin():
    keys = [setting.key for setting in settings(Example)]
    assert keys == [key for key in Example.model_fields if key != "name"]
