"""YAML text to nodes, each with its place in the text, refused before it grows or runs anything.

The limits hold for what the text stands for: aliases and merge keys (`<<`) count as written out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from trainables.schema.limits import MAX_DEPTH, MAX_NODES, MAX_TEXT, NotPlain

OTHER_VERSION = "must be YAML 1.2, but another %YAML is asked for"
KEY_TAGS = ("str", "value", "merge")  # of words, of = and of <<


class _Size(NamedTuple):
    """What a node stands for with aliases and merge keys written out.

    num_nodes: keys and values, itself among them.
    depth:     mappings and lists inside each other.
    """

    num_nodes: int
    depth: int


class _Composer(Composer):
    """Makes nodes of a YAML text, and refuses it at the first that is one too many.

    The text may have no tags, and none but version 1.2 of YAML.
    """

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.num_nodes = 0
        # A name may be given again in YAML 1.2; ruamel would print a warning of six lines.
        self.warn_double_anchors = False

    def compose_document(self) -> Node:
        """Return the root of a document."""
        version = self.parser.peek_event().version
        if version not in (None, (1, 2)):
            raise _refusal(OTHER_VERSION, self._mark())
        root: Node = super().compose_document()
        return root

    def compose_node(self, parent: Any, index: Any) -> Node:
        """Return the next node, with all below it."""
        self.num_nodes += 1
        event = self.parser.peek_event()
        if self.num_nodes > MAX_NODES:
            raise _refusal(f"must hold at most {MAX_NODES} keys and values", self._mark())
        if self.depth >= MAX_DEPTH:
            raise _refusal(f"must be at most {MAX_DEPTH} levels deep", self._mark())
        if getattr(event, "ctag", None) is not None:
            tag = str(event.ctag).replace("tag:yaml.org,2002:", "!!")
            raise _refusal(f"must hold plain values and no tags, but got {tag[:60]}", self._mark())
        if len(getattr(event, "value", "")) > MAX_TEXT:
            raise _refusal(
                f"must hold texts of at most {MAX_TEXT} characters, but got {len(event.value)}",
                self._mark(),
            )
        node: Node = super().compose_node(parent, index)
        return node

    def _mark(self) -> Any:
        """Return where the next node begins."""
        return self.parser.peek_event().start_mark


def compose(yaml: YAML, text: str) -> Node | None:
    """Return the root of a YAML text, with all below it; None if the text holds nothing.

    yaml: the reader.

    Raises:
        ruamel.yaml.error.YAMLError: the text is not YAML, or it is NotPlain: it has a tag, or stands
            for more than trainables/schema/limits.py allows.
    """
    yaml.Composer = _Composer
    try:
        root: Node | None = yaml.compose(text)
    except AssertionError as error:
        raise NotPlain(problem=OTHER_VERSION) from error  # of a %YAML that ruamel does not know
    except (ValueError, OverflowError) as error:
        # Of a character beyond the last one in an escape, or a %YAML of thousands of digits.
        raise NotPlain(problem="must be YAML, but has a number that is too large") from error
    if root is None:
        return None
    num_nodes, depth = _size(root, {})
    if num_nodes > MAX_NODES:
        raise NotPlain(
            problem=f"must hold at most {MAX_NODES} keys and values, aliases and merge keys written "
            f"out, but holds {num_nodes if num_nodes < 10**9 else 'more than 10⁹'}"
        )
    if depth > MAX_DEPTH:
        raise NotPlain(
            problem=f"must be at most {MAX_DEPTH} levels deep, aliases written out, but has {depth}"
        )
    return root


def odd_keys(node: Node) -> Iterator[tuple[int, str]]:
    """Yield (line, as it stands) of each key of a YAML node, or of one below it, that is no word."""
    if isinstance(node, MappingNode):
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                yield key.start_mark.line + 1, "a list" if key.id == "sequence" else "a mapping"
            elif str(key.tag).rpartition(":")[2] not in KEY_TAGS:
                yield key.start_mark.line + 1, key.value or "empty"
            yield from odd_keys(value)
    elif isinstance(node, SequenceNode):
        for value in node.value:
            yield from odd_keys(value)


def _size(node: Node, known: dict[int, _Size | None]) -> _Size:
    """Return what a node stands for; each node is looked at once, however often it is named.

    known: id of a node -> its size, or None for a node around this one.
    """
    if id(node) in known:
        if (size := known[id(node)]) is None:
            raise NotPlain(problem="must be a tree, but an alias in it holds itself")
        return size
    if isinstance(node, ScalarNode):
        return _Size(1, 0)
    known[id(node)] = None
    below = [_size(child, known) for child in _children(node)]
    num_nodes = 1 + sum(size.num_nodes for size in below)
    depth = 1 + max((size.depth for size in below), default=0)
    known[id(node)] = _Size(num_nodes, depth)
    return _Size(num_nodes, depth)


def _children(node: Node) -> list[Node]:
    """Return the nodes directly below a mapping or a list."""
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _refusal(sentence: str, mark: Any) -> NotPlain:
    """Return an error at a place of the text."""
    return NotPlain(problem=sentence, problem_mark=mark)
