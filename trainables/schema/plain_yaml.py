"""YAML that programs write for programs: plain values to text and back, and no objects.

A file that people write is read by trainables/schema/yaml_file.py, which knows the line of every
value.
"""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML


def to_yaml(tree: Any, *, width: int | None = None) -> str:
    """Return plain values as YAML in block style, with keys in their own order.

    Args:
        width: number of characters after which a long text is broken; ruamel's 80 if None.
    """
    yaml = YAML(typ="safe", pure=True)
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
    return YAML(typ="safe", pure=True).load(text)
