"""What every plugin keeps to, of whatever kind."""

import json
import pickle
from typing import Any


def is_frozen_and_knows_no_other_keys(plugin: Any) -> None:
    settings = type(plugin).model_config
    assert settings["frozen"]
    assert settings["extra"] == "forbid"
    assert settings["strict"]
    assert settings["allow_inf_nan"] is False


def says_what_it_computes(plugin: Any) -> None:
    assert type(plugin).__doc__
    file = type(plugin).__module__.rstrip("_")  # as in random_.py
    assert file.endswith(f".{plugin.name}"), "one file a plugin, of its name"


def comes_back_from_json_and_from_another_process(plugin: Any) -> None:
    assert type(plugin).model_validate(json.loads(plugin.model_dump_json())) == plugin
    sent = pickle.loads(pickle.dumps(plugin))  # noqa: S301 (our own bytes, as Ray sends them)
    assert sent == plugin
    assert hash(sent) == hash(plugin)
