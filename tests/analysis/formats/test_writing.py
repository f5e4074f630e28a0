"""A table of an answer is the same table again when it is read back, from each of its formats."""

import io
import json
import math

import numpy as np
import pandas as pd
import pytest

from analysis.formats.schema import Column, Schema
from analysis.formats.writing import csv_text, to_csv, to_json, to_parquet

SCHEMA = Schema(
    "test",
    3,
    (
        Column("name", "text", "of a candidate"),
        Column("value", "number", "of a goal"),
        Column("trials", "whole number", "how many"),
        Column("front", "yes or no", "whether it is a member"),
        Column("tied_with", "texts", "names of members"),
        Column("interval", "numbers", "its two ends"),
    ),
    others="a column for each parameter",
)
ROWS = [
    {"name": "7", "value": np.float64(0.25), "trials": np.int64(3), "front": np.True_,
     "tied_with": ["8", "9@0.5"], "interval": (0.0, math.inf), "train.lr": 1e-5, "word": "=1+1"},
    {"name": "base", "value": math.nan, "trials": None, "front": False, "tied_with": [],
     "interval": None, "train.lr": math.nan, "word": 7},
]  # fmt: skip
ABOUT = {"sweep": "tiny", "complete": np.int64(2)}


def test_json_names_its_schema_and_what_is_true_of_the_whole_table():
    tree = json.loads(to_json(SCHEMA.table(ROWS), SCHEMA, ABOUT))
    assert {key: tree[key] for key in ("schema", "sweep", "complete")} == {
        "schema": "equipoise/test/3", "sweep": "tiny", "complete": 2,
    }  # fmt: skip
    assert tree["rows"] == [
        {"name": "7", "value": 0.25, "trials": 3, "front": True, "tied_with": ["8", "9@0.5"],
         "interval": [0.0, None], "train.lr": 1e-5, "word": "=1+1"},
        {"name": "base", "value": None, "trials": None, "front": False, "tied_with": [],
         "interval": None, "train.lr": None, "word": 7},
    ]  # fmt: skip


def test_parquet_has_the_types_of_the_schema_and_its_name():
    import pyarrow.parquet as pq

    read = pq.read_table(io.BytesIO(to_parquet(SCHEMA.table(ROWS), SCHEMA, ABOUT)))
    assert read.schema.metadata == {
        b"schema": b"equipoise/test/3", b"sweep": b'"tiny"', b"complete": b"2",
    }  # fmt: skip
    kinds = [str(field.type) for field in read.schema]
    assert kinds[:4] == ["string", "double", "int64", "bool"]
    assert kinds[6:] == ["double", "string"]
    rows = read.to_pylist()
    assert rows[0]["tied_with"] == ["8", "9@0.5"]
    assert rows[0]["interval"] == [0.0, None]
    assert rows[1] | {"word": None} == dict.fromkeys(rows[1]) | {
        "name": "base", "front": False, "tied_with": [],
    }  # fmt: skip


def test_csv_has_lists_in_one_cell_and_no_formula():
    read = pd.read_csv(io.StringIO(to_csv(SCHEMA.table(ROWS), SCHEMA)))
    assert read["tied_with"].tolist()[0] == "8 9@0.5"
    assert read["word"].tolist() == ["'=1+1", "7"]
    assert read["trials"].tolist()[0] == 3


def test_a_table_without_rows_has_its_columns():
    import pyarrow.parquet as pq

    empty = SCHEMA.table([])
    assert json.loads(to_json(empty, SCHEMA, {}))["rows"] == []
    assert to_csv(empty, SCHEMA).strip().split(",") == SCHEMA.names
    read = pq.read_table(io.BytesIO(to_parquet(empty, SCHEMA, {})))
    assert read.column_names == SCHEMA.names


def test_a_table_that_lacks_a_column_of_its_schema_is_a_fault():
    with pytest.raises(AssertionError, match="equipoise/test/3"):
        to_csv(SCHEMA.table(ROWS).drop(columns="value"), SCHEMA)


def test_writing_changes_no_table():
    table = SCHEMA.table(ROWS)
    before = table.copy(deep=True)
    to_json(table, SCHEMA, ABOUT)
    to_parquet(table, SCHEMA, ABOUT)
    csv_text(table)
    pd.testing.assert_frame_equal(table, before)
