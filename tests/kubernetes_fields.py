"""JSON schemas of Kubernetes objects that refuse what an API server would drop in silence: unknown fields.

Two sources: tests/assets/kubernetes-fields.yaml, which says how it is written, and the definitions of
custom resources (CRDs) as an operator installs them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

FIELDS = Path(__file__).parent / "assets" / "kubernetes-fields.yaml"

Schema = dict[str, Any]

QUANTITY = {
    "anyOf": [{"type": "integer"}, {"type": "string", "pattern": r"^\d+(\.\d+)?(m|[kMGT]i?)?$"}]
}
LEAVES: dict[str, Schema] = {
    "string": {"type": "string"},
    "integer": {"type": "integer"},
    "boolean": {"type": "boolean"},
    "quantity": QUANTITY,
    "port": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
    "map": {"type": "object", "additionalProperties": {"type": "string"}},
    "quantities": {"type": "object", "additionalProperties": QUANTITY},
}
METADATA = {"name!": "string", "namespace": "string", "labels": "map", "annotations": "map"}


def objects(path: Path) -> list[dict[str, Any]]:
    """Return every object of a file of YAML documents."""
    documents = YAML(typ="safe", pure=True).load_all(path.read_text(encoding="utf-8"))
    return [document for document in documents if document is not None]


def kind_of(an_object: dict[str, Any]) -> str:
    """Return the interface and kind of an object, as `ray.io/v1/RayJob`."""
    return f"{an_object['apiVersion']}/{an_object['kind']}"


def of_fields() -> dict[str, Schema]:
    """Return the schema of each kind of FIELDS."""
    (tables,) = objects(FIELDS)
    return {
        kind: _schema(
            {"apiVersion!": "string", "kind!": "string", "metadata!": METADATA, **fields},
            tables["types"],
        )
        for kind, fields in tables["kinds"].items()
    }


def _schema(field: Any, types: dict[str, Any]) -> Schema:
    """Return the schema of a field as FIELDS writes it; types: those with a name."""
    if isinstance(field, list):
        return {"type": "array", "items": _schema(field[0], types)}
    if isinstance(field, dict):
        return {
            "type": "object",
            "properties": {k.rstrip("!"): _schema(inner, types) for k, inner in field.items()},
            "required": [key.rstrip("!") for key in field if key.endswith("!")],
            "additionalProperties": False,
        }
    if field in types:
        return _schema(types[field], types)
    return LEAVES.get(field) or {"type": "string", "enum": field.split(" | ")}


def of_definitions(folder: Path) -> dict[str, Schema]:
    """Return the schema of each kind that the CRDs in a folder define, in files of YAML.

    A file may also hold a list of them, as `kubectl get crd -o yaml` prints it. Rules across fields (CEL)
    are left out.
    """
    return {kind: _strict(schema) for kind, schema in _definitions(folder)}


def _definitions(folder: Path) -> Iterator[tuple[str, Schema]]:
    """Yield every kind and its schema, as the CRD has it."""
    for path in sorted(folder.glob("*.yaml")):
        for found in objects(path):
            for crd in found["items"] if found["kind"].endswith("List") else [found]:
                spec = crd["spec"]
                for version in spec["versions"]:
                    kind = f"{spec['group']}/{version['name']}/{spec['names']['kind']}"
                    yield kind, version["schema"]["openAPIV3Schema"]


def _strict(schema: Schema) -> Schema:
    """Return a structural schema as one of JSON that refuses unknown fields."""
    if schema.get("x-kubernetes-int-or-string"):
        return LEAVES["port"]
    strict = {key: schema[key] for key in ("type", "enum", "required", "pattern") if key in schema}
    if "items" in schema:
        strict["items"] = _strict(schema["items"])
    if "properties" in schema:
        strict["properties"] = {k: _strict(inner) for k, inner in schema["properties"].items()}
    if isinstance(schema.get("additionalProperties"), dict):
        strict["additionalProperties"] = _strict(schema["additionalProperties"])
    elif "properties" in schema and not schema.get("x-kubernetes-preserve-unknown-fields"):
        strict["additionalProperties"] = False
    return strict


def contradictions(ours: Schema, theirs: Schema, path: str = "") -> Iterator[str]:
    """Yield every field of FIELDS that a CRD does not have, has of another type, or requires."""
    if "properties" in ours and "properties" in theirs:
        for key, inner in ours["properties"].items():
            if key in theirs["properties"]:
                yield from contradictions(inner, theirs["properties"][key], f"{path}.{key}")
            else:
                yield f"{path}.{key} does not exist"
        missing = {*theirs.get("required", ())} - {*ours["required"]}
        yield from (f"{path}.{key} is required" for key in sorted(missing))
    elif "items" in ours and "items" in theirs:
        yield from contradictions(ours["items"], theirs["items"], f"{path}[]")
    elif ours.get("type") != theirs.get("type"):
        yield f"{path} is of another type"
    elif "enum" in theirs and not {*ours.get("enum", ["?"])} <= {*theirs["enum"]}:
        yield f"{path} must be one of {theirs['enum']}"
