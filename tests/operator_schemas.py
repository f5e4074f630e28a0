"""The schemas of KubeRay's and Kueue's custom resources, as tests/assets/operator-schemas.json keeps them.

    python -m tests.operator_schemas CRDS

writes that file anew from a folder with the CRDs of new versions. It holds what a schema of JSON can
check: fields, types, words allowed, what is required. Parts that occur more than once stand there once.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kubernetes_fields import Schema, of_definitions, of_fields

SCHEMAS = Path(__file__).parent / "assets" / "operator-schemas.json"
SOURCE = "KubeRay 1.7.0 and Kueue 0.19.2: their CRDs (Apache License 2.0), reduced"
LEAST_LENGTH = 60  # of a part, in characters, that stands in the file once


def kept_schemas() -> dict[str, Schema]:
    """Return the schema of each kind that the file keeps."""
    kept = json.loads(SCHEMAS.read_text())

    def unfolded(node: Any) -> Any:
        if isinstance(node, dict):
            if (name := node.get("$ref")) is not None:
                return unfolded(kept["parts"][name])
            return {key: unfolded(inner) for key, inner in node.items()}
        return node

    return {kind: unfolded(schema) for kind, schema in kept["kinds"].items()}


def fold(schemas: dict[str, Schema]) -> dict[str, Any]:
    """Return schemas with each part that occurs more than once under a name, in `parts`."""
    num_times = Counter(_text(part) for schema in schemas.values() for part in _parts(schema))
    names: dict[str, str] = {}
    parts: dict[str, Any] = {}

    def folded(node: Any) -> Any:
        if not isinstance(node, dict):
            return node
        text = _text(node)
        # Fields have names of their own, among them `type`: no mapping of fields is a part.
        if num_times[text] < 2 or len(text) < LEAST_LENGTH or not _is_part(node):
            return {key: folded(inner) for key, inner in node.items()}
        if text not in names:
            names[text] = f"part{len(names)}"
            parts[names[text]] = {key: folded(inner) for key, inner in node.items()}
        return {"$ref": names[text]}

    kinds = {kind: folded(schema) for kind, schema in schemas.items()}
    return {"source": SOURCE, "kinds": kinds, "parts": parts}


def _is_part(node: Schema) -> bool:
    """Return whether a mapping is a schema, and not one of fields to schemas."""
    return isinstance(node.get("type"), str)


def _parts(node: Any) -> Iterator[Schema]:
    """Yield every schema within a schema, itself first."""
    if isinstance(node, dict):
        if _is_part(node):
            yield node
        for inner in node.values():
            yield from _parts(inner)


def _text(node: Any) -> str:
    """Return a schema as text that is the same for equal ones."""
    return json.dumps(node, sort_keys=True)


def main(folder: Path) -> None:
    """Write the schemas of the kinds that our manifests have from the CRDs in a folder."""
    found = of_definitions(folder)
    document = fold({kind: found[kind] for kind in sorted(found.keys() & of_fields().keys())})
    lines = [f'"source": {json.dumps(document["source"])}']
    for section in ("kinds", "parts"):
        rows = [f"{json.dumps(name)}: {_text(each)}" for name, each in document[section].items()]
        lines.append(f'"{section}": ' + "{\n" + ",\n".join(rows) + "\n}")
    SCHEMAS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
