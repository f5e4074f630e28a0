"""YAML that programs write for programs: plain values to text and back, and nothing that runs code.

What people write is read by trainables/schema/yaml_file.py, which knows the line of every value.
"""

from io import StringIO
from typing import Any

from ruamel.yaml import YAML


def to_yaml(tree: Any, *, width: int | None = None) -> str:
    """Return plain values as block-style YAML, keys in their own order.

    width: characters after which a long text is broken; ruamel's 80 if left out.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = width
    text = StringIO()
    yaml.dump(tree, text)
    return text.getvalue()


def from_yaml(text: str) -> Any:
    """Return the plain values of a YAML text."""
    return YAML(typ="safe", pure=True).load(text)
