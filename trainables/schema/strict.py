"""The pydantic model that every piece of a configuration is."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """Frozen, refuses unknown keys, never turns text into a number, and knows neither NaN nor inf.

    A misspelt key that is dropped, or ``"3"`` that becomes 3, would run a sweep nobody asked for.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def by_name(value: Any) -> Any:
    """Return {name: value} for a word, and anything else as it is: `none` is short for {name: none}."""
    return {"name": value} if isinstance(value, str) else value
