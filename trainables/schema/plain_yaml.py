"""YAML that programs write for programs: plain values to text and back, and no objects.

A file that people write is read by trainables/schema/yaml_file.py, which knows the line of every
value.
"""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.nodes import ScalarNode

UNDERSCORE = "_"


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
        """Return a whole number, or its text."""
        return node.value if UNDERSCORE in node.value else super().construct_yaml_int(node)

    def construct_yaml_float(self, node: ScalarNode) -> Any:
        """Return a number, or its text."""
        return node.value if UNDERSCORE in node.value else super().construct_yaml_float(node)


for _tag in ("int", "float", "str"):
    _PlainConstructor.add_constructor(
        f"tag:yaml.org,2002:{_tag}", getattr(_PlainConstructor, f"construct_yaml_{_tag}")
    )
_PlainConstructor.add_constructor(
    "tag:yaml.org,2002:timestamp", _PlainConstructor.construct_yaml_str
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
        ruamel.yaml.error.YAMLError: the text is not YAML, or it has a tag that would make an object.
    """
    return safe_yaml().load(text)
