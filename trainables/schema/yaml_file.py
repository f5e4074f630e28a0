"""YAML files that people write: read safely, and refused in sentences with the line to mend.

YAML 1.2 as ruamel.yaml reads it: 1e-5 is a number, `on` and `no` are words, a key twice is an error.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trainables.schema.faults import Place, dotted, faults

if TYPE_CHECKING:
    from trainables.schema.faults import Fault


Model = TypeVar("Model", bound=BaseModel)
MAX_VALUES = 100_000  # a few lines of aliases could stand for more than a machine can hold


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
        lines = dict(islice(_lines(node, ()), MAX_VALUES + 1))
    except RecursionError as error:
        raise SpecError([f"{path}: must be a tree, but an alias in it holds itself."]) from error
    if len(lines) > MAX_VALUES:
        raise SpecError([f"{path}: must hold at most {MAX_VALUES} values, aliases written out."])
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
