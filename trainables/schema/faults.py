"""The faults that pydantic finds in a YAML file, as sentences about places in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]


class Fault(NamedTuple):
    """Where in the tree, `must …, but got …`, and whether the key is wrong and not its value."""

    place: Place
    sentence: str
    of_key: bool = False


def faults(error: ValidationError, model: type[BaseModel], tree: Mapping[str, Any]) -> list[Fault]:
    """Each fault that pydantic found."""
    found = error.errors(include_url=False)
    # pydantic counts only the valid items, so a list with a wrong one is also called too short.
    wrong_inside = {fault["loc"][:n] for fault in found for n in range(len(fault["loc"]))}
    return [
        Fault(
            _place(fault["loc"], tree, names_key=fault["type"] == "missing"),
            _sentence(fault, model),
            fault["type"] == "extra_forbidden",
        )
        for fault in found
        if not (fault["type"] == "too_short" and fault["loc"] in wrong_inside)
    ]


def dotted(place: Place) -> str:
    return ".".join(map(str, place))


def did_you_mean(word: object, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(str(word), list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""


def _place(loc: Place, tree: Any, *, names_key: bool) -> Place:
    """pydantic's location without the union tags that it puts in between.

    names_key: its last part is a key, though it is not in the tree.
    """
    place: list[str | int] = []
    for number, step in enumerate(loc):
        inside = isinstance(tree, Mapping) and step in tree
        inside = inside or (isinstance(tree, list) and isinstance(step, int))
        if inside:
            tree = tree[step]
        last = number == len(loc) - 1
        if inside or (last and names_key):
            place.append(step)
    return tuple(place)


def _sentence(fault: Any, model: type[BaseModel]) -> str:
    got = fault["input"]
    match fault["type"]:
        case "missing":
            return "must be given."
        case "extra_forbidden":
            known = list(_model_at(model, fault["loc"][:-1]).model_fields)
            key = fault["loc"][-1]
            return f"is no known key (known: {', '.join(known)}){did_you_mean(key, known) or '.'}"
        case "union_tag_invalid":
            known = [tag.strip(" '") for tag in fault["ctx"]["expected_tags"].split(",")]
            tag = fault["ctx"]["tag"]
            return (
                f"must be one of {', '.join(known)}, but got {tag!r}"
                f"{did_you_mean(tag, known) or '.'}"
            )
        case "union_tag_not_found":
            name = _tag(_model_at(model, fault["loc"]))
            return f"must have a name, as in {{name: {name}}}."
        case "value_error":
            return f"{fault['msg'].removeprefix('Value error, ')}."
        case "literal_error":
            expected = fault["ctx"]["expected"]
            known = expected.replace(" or ", ", ").replace("'", "").split(", ")
            return f"must be {expected}, but got {got!r}{did_you_mean(got, known) or '.'}"
        case "too_short":
            return f"must have at least one entry, but got {got!r}."
        case "tuple_type" | "list_type":
            return f"must be a list, as in [{got}], but got {got!r}."
        case "bool_type":
            return f"must be true or false, but got {got!r}."
        case "model_type" | "model_attributes_type" | "dict_type":
            return f"must be a mapping (key: value), but got {got!r}."
        case "int_type" | "float_type" | "int_from_float":
            kind = "number" if fault["type"] == "float_type" else "whole number"
            quoted = " without quotes" * (isinstance(got, str) and _is_number(got))
            return f"must be a {kind}{quoted}, but got {got!r}."
        case _:
            must = fault["msg"].replace("Input should", "must").replace("String should", "must")
            return f"{must[0].lower()}{must[1:]}, but got {got!r}."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _model_at(model: type[BaseModel], loc: Place) -> type[BaseModel]:
    """The model whose keys stand at a location: follow fields, list items, and union tags."""
    here: Any = model
    for step in loc:
        if isinstance(here, type) and issubclass(here, BaseModel):
            here = here.model_fields[str(step)].annotation
        here = next((m for m in _models(here) if _tag(m) == step), here)
    return next(iter(_models(here)), model)


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    if get_origin(annotation) in (Union, UnionType) or get_args(annotation):
        return [model for part in get_args(annotation) for model in _models(part)]
    return []


def _tag(model: type[BaseModel]) -> Any:
    name = model.model_fields.get("name")
    return name.default if name else None
