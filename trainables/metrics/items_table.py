"""Read a table of items from a Parquet file that others may have written, within bounds.

What is read is looked at before: its size by the file's own figures, and the types of its columns. What
a program keeps in a file beside its columns, such as pandas' own description of them, is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = ("metric", "item", "cluster")  # columns of text
NUMBERS = ("value", "outcome", "influence")
DESIGN_DF, EARLIER_DF, DECISIONS = "design_df", "df", "decisions"  # that early releases lack
MAX_ROWS = 10_000_000
MAX_BYTES = 2**30  # of a table in memory
MAX_GROUPS = 10_000  # of rows; `write` of items_file.py makes one a million rows


def read_table(path: Path) -> Any:
    """Return the pyarrow.Table of a file of items: texts, 64-bit floats, and truth values.

    It has the columns NAMES and NUMBERS, and DESIGN_DF and DECISIONS where the file has them.

    Raises:
        ValueError: the file is none of items, lacks a column, has a column of another type, or has two
            rows of one item; or it is larger than any that a trial writes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_metadata(path)
        _refuse_size(metadata)
        given = metadata.schema.to_arrow_schema()
        columns = _columns(given.names)
        types = _types({name: given.field(own).type for own, name in columns.items()})
        # Each text once, however often it comes: a small file may hold a long one for each of its rows.
        with pq.ParquetFile(path, metadata=metadata, read_dictionary=[*NAMES]) as file:
            table = file.read([*columns]).rename_columns([*columns.values()])
        table.validate(full=True)
        table = table.cast(
            pa.schema({name: types[name] for name in table.column_names}), safe=False
        )
        table = table.unify_dictionaries()
        _refuse_rows(table)
        texts = {name: pa.string() for name in NAMES}
        return table.cast(pa.schema([(f.name, texts.get(f.name, f.type)) for f in table.schema]))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise ValueError(f"no table of items: {error}") from error


def _refuse_size(metadata: Any) -> None:
    """Raise ValueError if a file has more than a trial writes, going by its pyarrow FileMetaData."""
    groups = metadata.num_row_groups
    if groups > MAX_GROUPS:
        raise ValueError(f"must have at most {MAX_GROUPS} groups of rows, but has {groups}")
    if metadata.num_rows > MAX_ROWS:
        raise ValueError(f"must have at most {MAX_ROWS} rows, but has {metadata.num_rows}")
    num_bytes = sum(metadata.row_group(number).total_byte_size for number in range(groups))
    if num_bytes > MAX_BYTES:
        raise ValueError(f"must have at most {MAX_BYTES} bytes, but has {num_bytes}")


def _columns(names: list[str]) -> dict[str, str]:
    """Return the columns to read with what they are called now, given those of a file.

    Raises:
        ValueError: one is not there, or there twice.
    """
    design_df = EARLIER_DF if DESIGN_DF not in names else DESIGN_DF
    wanted = [*NAMES, *NUMBERS]
    wanted += [name for name in (design_df, DECISIONS) if name in names]
    if any(names.count(name) != 1 for name in wanted):
        raise ValueError(f"must have the columns {', '.join(wanted)} once")
    return {name: DESIGN_DF if name == design_df else name for name in wanted}


def _types(given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the types that columns get, by name, given those that they have; texts become codes.

    Raises:
        ValueError: a column is of another kind. One without any value may be of none.
    """
    import pyarrow as pa

    is_of, types = pa.types, dict[str, Any]()
    for name, type_ in given.items():
        if name in NAMES:
            types[name] = pa.dictionary(pa.int32(), pa.string())
            type_ = type_.value_type if is_of.is_dictionary(type_) else type_
            is_sound = is_of.is_string(type_) or is_of.is_large_string(type_)
        elif name == DECISIONS:
            types[name] = pa.bool_()
            is_sound = is_of.is_boolean(type_)
        else:
            types[name] = pa.float64()
            is_sound = is_of.is_integer(type_) or is_of.is_floating(type_)
        if not is_sound and not (is_of.is_null(type_) and name != DECISIONS):
            raise ValueError(f"column {name} must not be of {type_}")
    return types


def _refuse_rows(table: Any) -> None:
    """Raise ValueError if the texts of all rows are too long, a row has no metric, or an item has two.

    table: its texts are codes of dictionaries.
    """
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    if any(table[name].null_count for name in ("metric", DECISIONS) if name in table.column_names):
        raise ValueError("every row must have a metric, and say whether it is of decisions")
    chunks = [chunk for name in NAMES for chunk in table[name].chunks]
    lengths = [pc.sum(pc.binary_length(c.dictionary).take(c.indices)).as_py() for c in chunks]
    if sum(length or 0 for length in lengths) > MAX_BYTES:
        raise ValueError(f"must have at most {MAX_BYTES} bytes of text")
    metrics_R, items_R = (
        pc.fill_null(table[name].combine_chunks().indices.cast(pa.int64()), -1)
        for name in ("metric", "item")
    )
    rows_R = pc.add(pc.multiply(metrics_R, 2**32), items_R).to_numpy()
    # Where a trial wrote them, they are mostly in order, which is quickly seen.
    if (np.diff(rows_R) <= 0).any() and len(np.unique(rows_R)) < len(rows_R):
        raise ValueError("must have one row for each metric and item")
