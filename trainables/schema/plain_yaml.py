"""YAML that programs write for programs: plain values to text and back, and no objects.

A file that people write is read by trainables/schema/yaml_file.py, which knows the line of every
value.
"""

import math
import sys
from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import Node, ScalarNode

from trainables.schema.composing import compose, odd_keys
from trainables.schema.limits import NotPlain
from trainables.schema.text.printable import shortened

UNDERSCORE = "_"
HIGHEST = 2**63 - 1  # of whole numbers, which other programs keep in 64 bits
MAX_WRITTEN = 66  # characters of such a number with base 2 and a sign


def whole_characters(text: str) -> str:
    """Return a text in which each character of two halves is that one character.

    >>> whole_characters("\\ud83d\\ude00") == "😀"
    True
    """
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")


class _PlainConstructor(SafeConstructor):
    """Makes values as YAML 1.2 has them: dates, and numbers with underscores in them, are text.

    An escape of two halves, as JSON writes a character beyond U+FFFF, is that one character.
    """

    def construct_yaml_str(self, node: ScalarNode) -> str:
        """Return a text."""
        return whole_characters(self.construct_scalar(node))

    def construct_yaml_int(self, node: ScalarNode) -> Any:
        """Return a whole number, or its text.

        Raises:
            NotPlain: it is out of bounds. Python would refuse to write some, and others as numbers
                with a point.
        """
        if UNDERSCORE in node.value:
            return node.value
        number = super().construct_yaml_int(node) if len(node.value) <= MAX_WRITTEN else HIGHEST + 1
        if abs(number) > HIGHEST:
            raise NotPlain(
                problem=f"must hold whole numbers from −{HIGHEST} to {HIGHEST}, but got "
                f"{shortened(node.value, MAX_WRITTEN)}",
                problem_mark=node.start_mark,
            )
        return number

    def construct_yaml_float(self, node: ScalarNode) -> Any:
        """Return a number, or its text.

        Raises:
            NotPlain: it is too large, so that Python takes it for infinity, which is written .inf.
        """
        if UNDERSCORE in node.value:
            return node.value
        number = super().construct_yaml_float(node)
        if math.isinf(number) and not node.value.lower().endswith(".inf"):
            raise NotPlain(
                problem=f"must hold numbers below {sys.float_info.max:.2g}, but got "
                f"{shortened(node.value, MAX_WRITTEN)}",
                problem_mark=node.start_mark,
            )
        return number


for _tag in ("int", "float", "str"):
    _PlainConstructor.add_constructor(
        f"tag:yaml.org,2002:{_tag}", getattr(_PlainConstructor, f"construct_yaml_{_tag}")
    )
# Dates, and = and << where they are no keys.
for _tag in ("timestamp", "value", "merge"):
    _PlainConstructor.add_constructor(
        f"tag:yaml.org,2002:{_tag}", _PlainConstructor.construct_yaml_str
    )


def safe_yaml() -> YAML:
    """Return a reader and writer of YAML 1.2 that makes plain values, and no objects."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Constructor = _PlainConstructor
    return yaml


def to_yaml(tree: Any, *, width: int | None = None) -> str:
    """Return plain values as YAML in block style, with keys in their own order.

    Args:
        width: number of characters after which a long text is broken; ruamel's 80 if None.
    """
    yaml = safe_yaml()
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = width
    text = StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def from_yaml(text: str) -> Any:
    """Return the plain values of a YAML text.

    Raises:
        ruamel.yaml.error.YAMLError: the text is not YAML, or not plain: it has a tag, a key that is no
            word, or more values than the limits of trainables/schema/limits.py allow.
    """
    root = composed(text)
    for line, key in odd_keys(root) if root is not None else ():
        raise NotPlain(problem=f"must have words as keys, but has {key} in line {line}")
    return constructed(root)


def composed(text: str) -> Node | None:
    """Return the root of a YAML text, with its place and all below it; None if it holds nothing.

    Raises:
        ruamel.yaml.error.YAMLError: as `compose`.
    """
    return compose(safe_yaml(), text)


def constructed(root: Node | None) -> Any:
    """Return the plain values of a composed YAML text without odd keys.

    What is merged into a mapping becomes its own in the nodes, too.

    Raises:
        ruamel.yaml.error.YAMLError: a key occurs twice, a number is out of bounds, or a merge key has
            no mapping.
    """
    yaml = safe_yaml()
    return None if root is None else yaml.constructor.construct_document(root)
