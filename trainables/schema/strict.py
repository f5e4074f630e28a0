"""The pydantic model that every piece of a configuration is derived from."""

from typing import Any

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A frozen model that refuses unknown keys, NaN and infinity, and never turns text into a number.

    A misspelt key that is dropped, or ``"3"`` that becomes 3, would run a sweep that nobody wanted.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def by_name(value: Any) -> Any:
    """Return ``{"name": value}`` for a text, and any other value unchanged.

    In YAML ``none`` is then short for ``{name: none}``.

    >>> by_name("none"), by_name({"name": "cda", "sides": "two"})
    ({'name': 'none'}, {'name': 'cda', 'sides': 'two'})
    """
    return {"name": value} if isinstance(value, str) else value
