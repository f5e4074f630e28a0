"""Read YAML files that people write, and refuse faulty ones in sentences with the line to mend.

This is YAML 1.2 as ruamel.yaml reads it: 1e-5 is a number, `on` and `no` are words, and a key that
occurs twice is an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trainables.schema.faults import Fault, Place, dotted, faults
from trainables.schema.plain_yaml import from_yaml, safe_yaml, whole_characters

Model = TypeVar("Model", bound=BaseModel)
MAX_SHOWN = 60  # characters of a text in a sentence
# What the escape "\ud83d" alone stands for: neither a tokenizer nor a file takes it.
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")
MAX_VALUES = 100_000  # a few lines of aliases could stand for more than a machine can hold


class SpecError(ValueError):
    """All faults of a file; the message has one sentence a line.

    Attributes:
        sentences: the faults in order, each once.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        self.sentences = list(dict.fromkeys(sentences))
        super().__init__("\n".join(self.sentences))


@dataclass(frozen=True)
class Document:
    """A YAML file as plain values, and the line that each of them starts on.

    Attributes:
        path: the file.
        text: its contents.
        tree: its contents as plain values.
        lines: the line of each value by its place, counted from 1.
    """

    path: Path
    text: str
    tree: dict[str, Any]
    lines: Mapping[Place, int]

    def at(self, place: Place) -> str:
        """Return the head of a fault's sentence, `FILE:LINE: dotted.place`.

        The line is that of the place, or of the nearest value around it that the file has.
        """
        nearest = next(place[:n] for n in range(len(place), -1, -1) if place[:n] in self.lines)
        return f"{self.path}:{self.lines[nearest]}: {dotted(place)}".rstrip()


def read(path: Path) -> Document:
    """Return a YAML file that holds one mapping, with the line of each of its values.

    Raises:
        SpecError: the file cannot be read, is empty, is not YAML, has a key twice, a tag or half of a
            character, holds something else than one mapping, or stands for more than MAX_VALUES values.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise SpecError(
            [f"{path}: must be a YAML file that can be read, but: {reason}."]
        ) from error
    try:
        tree = from_yaml(text)
        node = safe_yaml().compose(text)
    except YAMLError as error:
        raise SpecError([_yaml_sentence(path, error)]) from error
    except RecursionError as error:
        raise SpecError(
            [f"{path}: must be a few levels deep, but is nested without end."]
        ) from error
    if not isinstance(tree, dict):
        kind = "nothing" if tree is None else type(tree).__name__
        raise SpecError([f"{path}: must hold a mapping (key: value), but holds {kind}."])
    try:
        entries = list(islice(_lines(node, ()), MAX_VALUES + 1))
    except RecursionError as error:
        raise SpecError([f"{path}: must be a tree, but an alias in it holds itself."]) from error
    if len(entries) > MAX_VALUES:
        raise SpecError([f"{path}: must hold at most {MAX_VALUES} values, aliases written out."])
    if odd_keys := list(dict.fromkeys(_odd_keys(node))):
        raise SpecError(
            [
                f"{path}:{line}: a key must be a word, but is {shown}: take it out or quote it."
                for line, shown in odd_keys
            ]
        )
    document = Document(path, text, tree, dict(entries))
    if halves := [found for found in _texts(tree, ()) if HALF_CHARACTER.search(found[1])]:
        raise SpecError(
            f"{document.at(place)} must have whole characters, but has half of a surrogate pair in "
            f"{text[:MAX_SHOWN]!r}{'…' * (len(text) > MAX_SHOWN)}."
            for place, text in halves
        )
    return document


def validate(
    model: type[Model],
    document: Document,
    *,
    tree: Mapping[str, Any] | None = None,
    origins: Mapping[Place, Place] | None = None,
    unknown: Collection[Place] = (),
    further_keys: Collection[str] = (),
) -> Model:
    """Return a document, or a tree that was made from it, as a pydantic model.

    Args:
        model: the model to make.
        tree: the values to validate; those of the document if None.
        origins: for a tree that was made from the document, where each of its values stands in the
            document. A place without an entry is the same in both.
        unknown: places of the tree whose value is not known yet. Their faults are left out.
        further_keys: keys that the file may have beside those of the model, for sentences that list
            the known ones.

    Raises:
        SpecError: with every fault at once.
    """
    tree = document.tree if tree is None else tree
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        raise SpecError(
            f"{document.at(_origin(fault, origins or {}))} {fault.sentence}"
            for fault in faults(error, model, tree, further_keys)
            if not any(fault.place[:n] in unknown for n in range(len(fault.place) + 1))
        ) from error


def _origin(fault: Fault, origins: Mapping[Place, Place]) -> Place:
    """Return the place in the file of a fault in a tree that was made from it.

    Args:
        origins: the place in the file of some places of the tree. The longest one that leads to the
            fault counts; without any, the place is the same in both.
    """
    place = fault.place
    if fault.of_key and place in origins:
        origin = origins[place]  # of its value, which may stand deeper, in an option of a choice
        steps = [n for n in range(1, len(origin) + 1) if origin[n - 1] == place[-1]]
        if steps:
            return origin[: steps[-1]]
    for n in range(len(place) - fault.of_key, -1, -1):
        if place[:n] in origins:
            return (*origins[place[:n]], *place[n:])
    return place


def _yaml_sentence(path: Path, error: YAMLError) -> str:
    """Return one sentence for an error of the YAML parser, with the file and, if known, the line."""
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


def _odd_keys(node: Node) -> Iterable[tuple[int, str]]:
    """Yield (line, as it stands) of each key of a YAML node, or of one below it, that is no text."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                yield key.start_mark.line + 1, "a list" if key.id == "sequence" else "a mapping"
            elif (key.tag or "").rpartition(":")[2] not in ("str", "merge"):
                yield key.start_mark.line + 1, key.value or "empty"
            yield from _odd_keys(value)
    elif isinstance(node, SequenceNode):
        for value in node.value:
            yield from _odd_keys(value)


def _texts(tree: Any, place: Place) -> Iterable[tuple[Place, str]]:
    """Yield (place, text) of each text in plain values; a key has the place of its mapping."""
    if isinstance(tree, str):
        yield place, tree
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield place, key
            yield from _texts(value, (*place, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree):
            yield from _texts(value, (*place, number))


def _lines(node: Node, place: Place) -> Iterable[tuple[Place, int]]:
    """Yield (place, line) of a YAML node and of every node below it.

    A value of a mapping comes twice. The second time it has the line of its key, which counts.
    """
    yield place, node.start_mark.line + 1
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if isinstance(key, ScalarNode):
                name = whole_characters(key.value)  # as in the tree
                yield from _lines(value, (*place, name))
                yield (*place, name), key.start_mark.line + 1
    elif isinstance(node, SequenceNode):
        for number, value in enumerate(node.value):
            yield from _lines(value, (*place, number))
