"""Read tables in Parquet (.parquet)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.data.files.bounded import MAX_DATA, MAX_ROWS, bounded
from trainables.data.files.decoding import open_bytes
from trainables.data.files.kinds import is_packed
from trainables.data.files.row import MAX_TEXT, Row, first_repeated
from trainables.schema.text.shown import as_value, first_line

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import FileMetaData

BATCH = 1024  # rows that are held as Python values at a time
MAX_COLUMN = 2**29  # bytes of a column in one of the groups of rows that a file is written in
MAX_CELL = 4 * MAX_TEXT  # bytes of a text in UTF-8


def parquet_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a table in Parquet.

    Raises:
        ValueError: the file is no whole Parquet, two columns have one name, a text is not UTF-8, or the
            file is too large, see `bounded` and _refuse_too_large.
    """
    import pyarrow
    from pyarrow import parquet

    try:
        with open_bytes(path) as file:
            # To unpack a file again for every step back in it would be slow.
            source = io.BytesIO(bounded(file, path, True).read()) if is_packed(path) else file
            table = parquet.ParquetFile(source)
            _refuse_too_large(table.metadata, path)
            names = table.schema_arrow.names
            if (twice := first_repeated(names)) is not None:
                raise ValueError(
                    f"{path}: must have different columns, but has {as_value(twice)} twice."
                )
            number = 0
            for batch in table.iter_batches(batch_size=BATCH):
                columns = [_values(column, path, number) for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Row(f"{path}, row {number}", dict(zip(names, values, strict=True)))
    except (pyarrow.ArrowException, OSError) as error:
        problem = first_line(error).rstrip(".")
        raise ValueError(f"{path}: must be a whole Parquet file, but {problem}.") from error


def _refuse_too_large(written: FileMetaData, path: Path) -> None:
    """Refuse a file by what it says of itself, before it is unpacked: a small one may hold much.

    Raises:
        ValueError: it has more than MAX_ROWS rows, MAX_DATA bytes, MAX_COLUMN bytes in a column of a
            group of rows, or MAX_CELL bytes in the mean cell of one.
    """
    groups = [written.row_group(number) for number in range(written.num_row_groups)]
    columns = [group.column(number) for group in groups for number in range(group.num_columns)]
    num_bytes = max(column.total_uncompressed_size for column in columns) if columns else 0
    cells = (column.total_uncompressed_size / max(1, column.num_values) for column in columns)
    for num, most, what in (
        (written.num_rows, MAX_ROWS, "rows"),
        (sum(column.total_uncompressed_size for column in columns), MAX_DATA, "bytes, unpacked"),
        (num_bytes, MAX_COLUMN, "bytes in a column of a row group, unpacked"),
        (round(max(cells, default=0)), MAX_CELL, "bytes in a cell"),
    ):
        if num > most:
            raise ValueError(
                f"{path}: must have at most {most:,} {what}, but has {num:,}: take a part of it, or "
                "write it with smaller row groups."
            )


def _values(column: pyarrow.Array, path: Path, number: int) -> list[Any]:
    """Return the values of a column; of one with times, which are no data of ours, its type instead.

    Args:
        number: of rows of the file before its first one, for the error.

    Raises:
        ValueError: a text is not UTF-8, which Parquet does not check.
    """

    if _has_times(column.type):
        return [column.type] * len(column)
    values: list[Any] = []
    try:
        values.extend(scalar.as_py() for scalar in column)
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}, row {number + len(values) + 1}: must hold UTF-8 in its columns of text, but has "
            f"the byte 0x{error.object[error.start]:02x}."
        ) from error
    return values


def _has_times(kind: pyarrow.DataType) -> bool:
    """Return whether values of a type are times, or have times in them; Python has not all of these."""
    import pyarrow

    inner = (kind.field(number).type for number in range(kind.num_fields))
    return pyarrow.types.is_temporal(kind) or any(map(_has_times, inner))
