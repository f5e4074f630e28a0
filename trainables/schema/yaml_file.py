"""Read YAML files that people write, and refuse faulty ones in sentences with the line to mend.

This is YAML 1.2 as ruamel.yaml reads it: 1e-5 is a number, `on` and `no` are words, and a key that
occurs twice is an error.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml.composer import ComposerError
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trainables.schema.composing import odd_keys
from trainables.schema.faults import MAX_SENTENCES, Fault, Place, dotted, faults
from trainables.schema.limits import MAX_BYTES, NotPlain
from trainables.schema.plain_yaml import composed, constructed, whole_characters
from trainables.schema.text.hidden_lines import without_hidden_words
from trainables.schema.text.printable import in_one_line
from trainables.schema.text.shown import as_value, as_word, first_line

Model = TypeVar("Model", bound=BaseModel)
FURTHER = "… and more: mend these first."
MAX_PATH, MAX_PROBLEM = 300, 150  # characters in a sentence
# How texts of other encodings begin; UTF-32's mark begins as UTF-16's does.
MARKS = {
    codecs.BOM_UTF32_LE: "UTF-32", codecs.BOM_UTF32_BE: "UTF-32",
    codecs.BOM_UTF16_LE: "UTF-16", codecs.BOM_UTF16_BE: "UTF-16",
}  # fmt: skip
# What the escape "\ud83d" alone stands for: neither a tokenizer nor a file takes it.
HALF_CHARACTER = re.compile(r"[\ud800-\udfff]")


class SpecError(ValueError):
    """The faults of a file; the message has one sentence a line.

    Attributes:
        sentences: the faults in order, a line each: MAX_SENTENCES, and FURTHER if there are more.
    """

    def __init__(self, sentences: Iterable[str]) -> None:
        found: dict[str, None] = {}
        has_further = False
        for sentence in map(in_one_line, sentences):
            has_further |= sentence == FURTHER
            if sentence == FURTHER or sentence in found:
                continue
            if len(found) == MAX_SENTENCES:
                has_further = True
                break
            found[sentence] = None
        self.sentences = [*found, *[FURTHER] * has_further]
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
        return f"{self.head(self.lines[nearest])}: {dotted(place)}".rstrip()

    def head(self, line: int) -> str:
        """Return the file and a line of it as a sentence about it begins: `FILE:LINE`."""
        return f"{_shown(self.path)}:{line}"

    def line_of(self, sentence: str) -> int:
        """Return the line that a sentence about this file is about; 0 if that is the whole file."""
        after_path = sentence.removeprefix(_shown(self.path))
        line = re.match(r":(\d{1,9}): ", after_path)
        return int(line[1]) if line else 0


def read(path: Path) -> Document:
    """Return a YAML file that holds one mapping, with the line of each of its values.

    Raises:
        SpecError: the file cannot be read, is empty, is not YAML, has a key twice, a tag or half of a
            character, holds something else than one mapping, or is beyond the limits of
            trainables/schema/limits.py.
    """
    text = _text_of(path)
    try:
        root = composed(text)
        if root is not None:
            _refuse_odd_keys(path, root)
        tree = constructed(root)
    except NotPlain as error:
        raise SpecError([f"{_head(path, error)}: {_problem(error, text)}."]) from error
    except YAMLError as error:
        raise SpecError([_yaml_sentence(path, error, text)]) from error
    if not isinstance(tree, dict) or root is None:
        kinds = {type(None): "nothing", list: "a list", str: "a text"}
        kind = kinds.get(type(tree), "a single value")
        raise SpecError([f"{_shown(path)}: must hold a mapping (key: value), but holds {kind}."])
    document = Document(path, text, tree, dict(_lines(root, ())))
    if any(HALF_CHARACTER.search(found) for _, found in _texts(tree, ())):
        raise SpecError(
            f"{document.at(place)} must have whole characters, but has half of a surrogate pair in "
            f"{as_value(found)}."
            for place, found in _texts(tree, ())
            if HALF_CHARACTER.search(found)
        )
    return document


def _text_of(path: Path) -> str:
    """Return the text of a file; no more of it is read than a file may have.

    Raises:
        SpecError: it cannot be read, is too long, or is no UTF-8 text; or it is a named pipe, for whose
            writer one could wait for ever.
    """
    try:
        if path.is_fifo() and path.parent != Path("/dev") and path.parent != Path("/dev/fd"):
            raise OSError(0, "it is a named pipe (/dev/stdin is read)")
        with path.open("rb") as file:
            contents = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SpecError(
            [f"{_shown(path)}: must be a YAML file that can be read, but: {reason}."]
        ) from error
    if len(contents) > MAX_BYTES:
        raise SpecError(
            [f"{_shown(path)}: must be a file of at most {MAX_BYTES} bytes, but has more."]
        )
    try:
        if b"\0" in contents[:2]:
            raise SpecError([_encoding_sentence(path, contents, 0)])
        return contents.decode("utf-8")
    except UnicodeDecodeError as error:
        raise SpecError([_encoding_sentence(path, contents, error.start)]) from error


def _encoding_sentence(path: Path, contents: bytes, place: int) -> str:
    """Return the sentence for a file that is no UTF-8 text, with the encoding that it seems to have.

    place: of the first byte that is wrong.
    """
    line = contents.count(b"\n", 0, place) + 1
    head = f"{_shown(path)}:{line}: must be UTF-8 text, but"
    encoding = next((name for mark, name in MARKS.items() if contents.startswith(mark)), "")
    if encoding or b"\0" in contents[:2]:
        return f"{head} begins as {encoding or 'UTF-16'} does: save it as UTF-8."
    letter = contents[place : place + 1].decode("cp1252", "ignore")
    meant = f", which is {letter!r} in Latin-1 (Windows-1252)" if letter.isprintable() else ""
    return f"{head} has the byte 0x{contents[place]:02x}{meant * bool(letter)}: save it as UTF-8."


def _refuse_odd_keys(path: Path, root: Node) -> None:
    """Raise SpecError with a sentence for each key of a YAML text that is no word."""
    sentences = (
        f"{_shown(path)}:{line}: a key must be a word, but is {as_word(key)}: take it out or quote it."
        for line, key in odd_keys(root)
    )
    error = SpecError(sentences)
    if error.sentences:
        raise error


def _shown(path: Path) -> str:
    """Return the name of a file as it is shown in one line."""
    return as_word(str(path), MAX_PATH)


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


def _yaml_sentence(path: Path, error: YAMLError, text: str) -> str:
    """Return one sentence for an error of the YAML parser, with the file and, if known, the line."""
    problem, head = _problem(error, text), _head(path, error)
    if isinstance(error, DuplicateKeyError):
        key = problem.partition(" with value ")[0].replace("found ", "there is ")
        return f"{head}: a key must occur once, but {key}."
    # Its class is that of every error of the composer, which says in words alone which one it is.
    if isinstance(error, ComposerError) and "another document" in problem:
        return f"{head}: must be one YAML document, but another begins here."
    return f"{head}: must be YAML, but {problem}."


def _problem(error: YAMLError, text: str) -> str:
    """Return what is wrong with a YAML text by an error, without the secrets of its line."""
    problem = str(getattr(error, "problem", None) or "").strip().partition("\n")[0] or first_line(
        error
    )
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    line = text.split("\n", mark.line + 1)[mark.line] if mark else ""
    return as_word(without_hidden_words(problem, line), MAX_PROBLEM)


def _head(path: Path, error: YAMLError) -> str:
    """Return FILE:LINE of an error, or FILE if it has no line."""
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    return _shown(path) if mark is None else f"{_shown(path)}:{mark.line + 1}"


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
