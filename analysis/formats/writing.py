"""Write a table of an answer as JSON, CSV or Parquet.

Infinity and NaN are no JSON, so numbers that are not finite are missing in JSON and in Parquet, and so
is what was never measured.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from analysis.formats.schema import Kind, Schema
from trainables.schema.text.escaping import csv_cell

if TYPE_CHECKING:
    import pyarrow as pa


def to_json(table: pd.DataFrame, schema: Schema, about: Mapping[str, Any]) -> str:
    """Return a JSON object with the keys `schema`, those of `about`, and `rows`, a list of objects.

    table: has the columns of the schema, and perhaps others.
    about: what is true of the table as a whole, as the name of the sweep.
    """
    _check(table, schema)
    rows = [
        {str(name): _plain(cell) for name, cell in row.items()} for row in table.to_dict("records")
    ]
    tree = {"schema": str(schema)} | {key: _plain(value) for key, value in about.items()}
    return json.dumps(tree | {"rows": rows}, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def to_csv(table: pd.DataFrame, schema: Schema) -> str:
    """Return CSV with a line of headings, in which no cell is a formula of a spreadsheet.

    A list is its entries with blanks between them.
    """
    _check(table, schema)
    return csv_text(table)


def to_parquet(table: pd.DataFrame, schema: Schema, about: Mapping[str, Any]) -> bytes:
    """Return a Parquet file, whose metadata has `schema` and the keys of `about`, as JSON each.

    A column of the schema has the type of its kind. Another one is of numbers if every cell is one, and
    else of texts.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    _check(table, schema)
    kinds: dict[str, Kind] = {column.name: column.kind for column in schema.columns}
    fields, arrays = [], []
    for name in table:
        cells = [_plain(cell) for cell in table[name]]
        kind = kinds.get(str(name)) or _kind_of(cells)
        arrays.append(pa.array([_as_kind(cell, kind) for cell in cells], _arrow_type(kind)))
        fields.append(pa.field(str(name), _arrow_type(kind)))
    metadata = {key: json.dumps(_plain(value)) for key, value in about.items()}
    file = io.BytesIO()
    described = pa.schema(fields, metadata=metadata | {"schema": str(schema)})
    pq.write_table(pa.Table.from_arrays(arrays, schema=described), file)
    return file.getvalue()


def csv_text(table: pd.DataFrame) -> str:
    """Return a table as CSV, in which no cell is a formula of a spreadsheet."""
    safe = table.rename(columns=csv_cell)
    for place, kind in enumerate(table.dtypes):
        if pd.api.types.is_object_dtype(kind) or pd.api.types.is_string_dtype(kind):
            cells = [_cell(value) for value in table.iloc[:, place]]
            safe.isetitem(place, np.array(cells, dtype=object))
    return safe.to_csv(index=False, lineterminator="\n")


def _cell(value: object) -> object:
    """Return what a cell of CSV holds: of a list of names, those with blanks between them."""
    return csv_cell(" ".join(map(str, value)) if isinstance(value, list | tuple) else value)


def _check(table: pd.DataFrame, schema: Schema) -> None:
    """Raise AssertionError unless a table begins with the columns of its schema: a fault of ours."""
    columns = [str(name) for name in table]
    assert columns[: len(schema.names)] == schema.names, (str(schema), columns)
    assert schema.others or len(columns) == len(schema.names), (str(schema), columns)


def _plain(cell: Any) -> Any:
    """Return a cell as JSON has it: what is missing or not finite as None, lists of plain cells."""
    if isinstance(cell, np.generic):
        cell = cell.item()
    if isinstance(cell, list | tuple):
        return [_plain(part) for part in cell]
    if isinstance(cell, Mapping):
        return {str(key): _plain(value) for key, value in cell.items()}
    if cell is None or cell is pd.NA or cell is pd.NaT:
        return None
    if isinstance(cell, float) and not math.isfinite(cell):
        return None
    return cell


def _kind_of(cells: list[Any]) -> Kind:
    """Return the kind of a column that the schema does not name."""
    known = [cell for cell in cells if cell is not None]
    return "number" if known and all(type(cell) in (int, float) for cell in known) else "text"


def _as_kind(cell: Any, kind: Kind) -> Any:
    """Return a plain cell as a column of a kind holds it."""
    if cell is None:
        return None
    match kind:
        case "text":
            return str(cell)
        case "number":
            return float(cell)
        case "whole number":
            return int(cell)
        case "yes or no":
            return bool(cell)
        case "texts":
            return [str(part) for part in cell]
        case "numbers":
            return [None if part is None else float(part) for part in cell]


def _arrow_type(kind: Kind) -> pa.DataType:
    """Return the type of a column of a kind."""
    import pyarrow as pa

    types = {
        "text": pa.string(),
        "number": pa.float64(),
        "whole number": pa.int64(),
        "yes or no": pa.bool_(),
        "texts": pa.list_(pa.string()),
        "numbers": pa.list_(pa.float64()),
    }
    return types[kind]
