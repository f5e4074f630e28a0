"""YAML files that people write: read safely, and refused in sentences with the line to mend.

YAML 1.2 as ruamel.yaml reads it: 1e-5 is a number, `on` and `no` are words, a key twice is an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

Place = tuple[str | int, ...]
Model = TypeVar("Model", bound=BaseModel)
MOST_VALUES = 100_000  # a few lines of aliases could stand for more than a machine can hold


class SpecError(ValueError):
    """Everything that is wrong with a file, one sentence a line."""

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = list(dict.fromkeys(sentences))
        super().__init__("\n".join(self.sentences))


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values, and the line that each of them starts on."""

    path: Path
    text: str
    tree: dict[str, Any]
    lines: Mapping[Place, int]

    def at(self, place: Place) -> str:
        """`FILE:LINE: dotted.place`, of the nearest enclosing line that there is."""
        known = next(place[:n] for n in range(len(place), -1, -1) if place[:n] in self.lines)
        return f"{self.path}:{self.lines[known]}: {dotted(place)}".rstrip()


def read(path: Path) -> Document:
    """Read one mapping.

    Raises:
        SpecError: no such file, empty, not YAML, a key twice, a tag, or no mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(
            [f"{path}: must be a YAML file that can be read, but: {reason}."]
        ) from error
    yaml = YAML(typ="safe", pure=True)
    try:
        tree = yaml.load(text)
        node = YAML(typ="safe", pure=True).compose(text)
    except YAMLError as error:
        raise SpecError([_yaml_sentence(path, error)]) from error
    except RecursionError as error:
        raise SpecError(
            [f"{path}: must be a few levels deep, but is nested without end."]
        ) from error
    if not isinstance(tree, dict):
        found = "nothing" if tree is None else type(tree).__name__
        raise SpecError([f"{path}: must hold a mapping (key: value), but holds {found}."])
    try:
        lines = dict(islice(_lines(node, ()), MOST_VALUES + 1))
    except RecursionError as error:
        raise SpecError([f"{path}: must be a tree, but an alias in it holds itself."]) from error
    if len(lines) > MOST_VALUES:
        raise SpecError([f"{path}: must hold at most {MOST_VALUES} values, aliases written out."])
    return Document(path, text, tree, lines)


def validate(
    model: type[Model],
    document: Document,
    *,
    tree: Mapping[str, Any] | None = None,
    origins: Mapping[Place, Place] | None = None,
    unknown: Collection[Place] = (),
) -> Model:
    """The document (or a tree made from it, with the place each value came from) as a model.

    unknown: places of the tree whose value is not known, so that nothing is said of them.

    Raises:
        SpecError: with every fault at once.
    """
    tree = document.tree if tree is None else tree
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise SpecError(
            f"{document.at(_origin(fault, origins or {}))} {fault.sentence}"
            for fault in faults(error, model, tree)
            if not any(fault.place[:n] in unknown for n in range(len(fault.place) + 1))
        ) from error


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


def _origin(fault: Fault, origins: Mapping[Place, Place]) -> Place:
    """Where the faulty key or value, or the nearest thing around it, stands in the file."""
    place = fault.place
    for n in range(len(place) - fault.of_key, -1, -1):
        if place[:n] in origins:
            return (*origins[place[:n]], *place[n:])
    return place


def _yaml_sentence(path: Path, error: YAMLError) -> str:
    if not isinstance(error, MarkedYAMLError) or error.problem_mark is None:
        return f"{path}: must be YAML, but {str(error).splitlines()[0]}."
    line = error.problem_mark.line + 1
    problem = str(error.problem).splitlines()[0]
    if "duplicate key" in problem:
        return (
            f"{path}:{line}: a key must occur once, but {problem.replace('found ', 'there is ')}."
        )
    if "constructor for the tag" in problem:
        tag = problem.partition("'")[2].rstrip("'").replace("tag:yaml.org,2002:", "!!")
        return f"{path}:{line}: must hold plain values and no tags, but got {tag}."
    if "another document" in problem:
        return f"{path}:{line}: must be one YAML document, but another begins here."
    return f"{path}:{line}: must be YAML, but {problem}."


def _lines(node: Node, place: Place) -> Iterable[tuple[Place, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                yield from _lines(value, (*place, key.value))
                yield (*place, key.value), key.start_mark.line + 1
    elif isinstance(node, SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*place, number))


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
