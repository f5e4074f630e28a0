"""Laws of every plugin, of whatever kind."""

import json
import pickle
from typing import Any


def is_frozen_and_refuses_unknown_keys(plugin: Any) -> None:
    settings = type(plugin).model_config
    assert settings["frozen"]
    assert settings["extra"] == "forbid"
    assert settings["strict"]
    assert settings["allow_inf_nan"] is False


def has_a_docstring_and_a_file_of_its_name(plugin: Any) -> None:
    assert type(plugin).__doc__
    module = type(plugin).__module__.rstrip("_")  # as in random_.py
    assert module.endswith(f".{plugin.name}")


def survives_json_and_pickle(plugin: Any) -> None:
    assert type(plugin).model_validate(json.loads(plugin.model_dump_json())) == plugin
    copy = pickle.loads(pickle.dumps(plugin))  # noqa: S301 (our own bytes, as Ray sends them)
    assert copy == plugin
    assert hash(copy) == hash(plugin)
