"""The keys of a configuration in words: type with its bounds, default, meaning."""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, NamedTuple, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

WORDS: dict[Any, str] = {
    bool: "true or false",
    float: "number",
    int: "whole number",
    str: "text",
}
SIGNS = {"≥": "ge", ">": "gt", "≤": "le", "<": "lt"}  # of a bound -> its name in pydantic
HIGHEST = 2**31  # a bound from here on is that of the seeds of random numbers, and of no interest


class Setting(NamedTuple):
    """One key of a configuration, for people.

    Attributes:
        key: its name in YAML.
        type: the kind of value with its bounds, as `whole number ≥ 1`; empty if it has options.
        options: the values to choose from, if they are named.
        default: the value if it is left out, as in YAML; `required` if it must be given.
        meaning: a few words; empty if the name says it.
    """

    key: str
    type: str
    options: tuple[str, ...]
    default: str
    meaning: str


def settings(model: type[BaseModel]) -> list[Setting]:
    """Return the keys of a configuration in their order, without the key `name` of a plugin.

    >>> from pydantic import Field
    >>> class Example(BaseModel):
    ...     name: Literal["example"] = "example"
    ...     lr: float = Field(2e-5, gt=0, le=1, description="learning rate")
    ...     limit: int | None = Field(None, ge=1, description="items")
    >>> for setting in settings(Example):
    ...     print(setting.key, "|", setting.type, "|", setting.default, "|", setting.meaning)
    lr | 0 < number ≤ 1 | 2e-5 | learning rate
    limit | whole number ≥ 1 | none | items
    """
    return [
        Setting(key, _type(field), options(field), _default(field), field.description or "")
        for key, field in model.model_fields.items()
        if key != "name"
    ]


def options(field: FieldInfo) -> tuple[str, ...]:
    """Return the values that a field may have, as text, if its type names them; else none."""
    return tuple(str(value) for value in _named_values(field.annotation))


def _named_values(annotation: Any) -> tuple[Any, ...]:
    """Return the values that a type names, inside of unions too."""
    if get_origin(annotation) is Literal:
        return get_args(annotation)
    return tuple(value for inner in get_args(annotation) for value in _named_values(inner))


def _type(field: FieldInfo) -> str:
    """Return the kind of value of a field with its bounds; empty if the field has options."""
    if options(field):
        return ""
    kinds = [kind for kind in get_args(field.annotation) or [field.annotation] if kind != NoneType]
    word = " or ".join(WORDS.get(kind, getattr(kind, "__name__", str(kind))) for kind in kinds)
    bounds = {
        sign: value
        for sign, name in SIGNS.items()
        for bound in field.metadata
        if (value := getattr(bound, name, None)) is not None and value < HIGHEST
    }
    low = next((sign for sign in ("≥", ">") if sign in bounds), "")
    high = next((sign for sign in ("≤", "<") if sign in bounds), "")
    if low and high:
        return f"{bounds[low]} {'≤' if low == '≥' else '<'} {word} {high} {bounds[high]}"
    sign = low or high
    return f"{word} {sign} {bounds[sign]}" if sign else word


def _default(field: FieldInfo) -> str:
    """Return the default of a field as it is written in YAML, or `required`."""
    if field.is_required():
        return "required"
    match field.default:
        case None:
            return "none"
        case bool():
            return str(field.default).lower()
        case float():
            return f"{field.default:g}".replace("e-0", "e-")
        case _:
            return str(field.default)
