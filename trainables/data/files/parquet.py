"""Read tables in Parquet (.parquet)."""

from __future__ import annotations

import io
import re
from collections import ChainMap
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from trainables.data.files.bounded import MAX_DATA, MAX_ROWS, bounded
from trainables.data.files.decoding import open_bytes
from trainables.data.files.kinds import is_packed
from trainables.data.files.row import MAX_TEXT, Row, first_repeated
from trainables.schema.text.shown import as_value, first_line

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ColumnChunkMetaData, FileMetaData

MAX_BATCH = 64  # rows that are decoded at a time
MAX_DECODED = 2**26  # bytes of a column that these take, by what its values can have at most
BUFFER = 2**16  # bytes that are read at once, rather than whole columns
MAX_COLUMN = 2**29  # bytes of a column in one of the groups of rows that a file is written in
MAX_CELL = 4 * MAX_TEXT  # bytes of a text in UTF-8


def parquet_rows(path: Path, fields: re.Pattern[str] | None = None) -> Iterator[Row]:
    """Yield the rows of a table in Parquet.

    Args:
        fields: the names of the columns that are read, as a pattern; every other one has None in all
            rows. Without it every column is read.

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
            table = parquet.ParquetFile(source, buffer_size=BUFFER)
            names = table.schema_arrow.names
            if (twice := first_repeated(names)) is not None:
                raise ValueError(
                    f"{path}: must have different columns, but has {as_value(twice)} twice."
                )
            # A pattern of ours has no point in it, which would be a path to columns within others.
            wanted = names if fields is None else [*filter(fields.fullmatch, names)]
            chunks = _chunks(table.metadata, wanted)
            _refuse_too_large(table.metadata.num_rows, chunks, path)
            num_at_once = _rows_at_once(chunks, table.metadata.num_rows, source)
            every_name = dict.fromkeys(names)
            number = 0
            for batch in table.iter_batches(num_at_once, columns=wanted if fields else None):
                columns = [_values(column, path, number) for column in batch.columns]
                for _ in range(len(batch)):
                    number += 1
                    read = dict(zip(batch.schema.names, map(next, columns), strict=True))
                    values = read if fields is None else ChainMap(read, every_name)
                    yield Row(f"{path}, row {number}", values)
    except (pyarrow.ArrowException, OSError) as error:
        problem = first_line(error).rstrip(".")
        raise ValueError(f"{path}: must be a whole Parquet file, but {problem}.") from error


def _chunks(written: FileMetaData, wanted: list[str]) -> list[ColumnChunkMetaData]:
    """Return what a file says of its columns of these names, in every group of rows."""
    groups = [written.row_group(number) for number in range(written.num_row_groups)]
    chunks = (group.column(number) for group in groups for number in range(group.num_columns))
    # A column of lists or of structures is written in parts: `choices.list.element`.
    return [
        chunk
        for chunk in chunks
        if any(f"{chunk.path_in_schema}.".startswith(f"{name}.") for name in wanted)
    ]


def _refuse_too_large(num_rows: int, chunks: list[ColumnChunkMetaData], path: Path) -> None:
    """Refuse a file by what it says of itself, before it is unpacked: a small one may hold much.

    Raises:
        ValueError: it has more than MAX_ROWS rows, MAX_DATA bytes in the columns that are read,
            MAX_COLUMN bytes or MAX_ROWS values in one of them in a group of rows, or MAX_CELL bytes in
            the mean cell of one.
    """
    sizes = [chunk.total_uncompressed_size for chunk in chunks]
    lengths = [chunk.num_values for chunk in chunks]
    cells = (size / max(1, length) for size, length in zip(sizes, lengths, strict=True))
    for num, most, what in (
        (num_rows, MAX_ROWS, "rows"),
        (sum(sizes), MAX_DATA, "bytes, unpacked"),
        (max(sizes, default=0), MAX_COLUMN, "bytes in a column of a row group, unpacked"),
        (max(lengths, default=0), MAX_ROWS, "values in a column of a row group"),
        (round(max(cells, default=0)), MAX_CELL, "bytes in a cell"),
    ):
        if num > most:
            raise ValueError(
                f"{path}: must have at most {most:,} {what}, but has {num:,}: take a part of it, or "
                "write it with smaller row groups."
            )


def _rows_at_once(chunks: list[ColumnChunkMetaData], num_rows: int, file: BinaryIO) -> int:
    """Return how many rows may be decoded at a time, so that they take bounded memory.

    Many rows may repeat one value that is written once: in a dictionary, or as the beginning of the
    next one. It has at most the bytes of that dictionary, or of the column.
    """
    most = 1.0  # bytes in a row of a column
    for chunk in chunks:
        size = float(chunk.total_uncompressed_size)
        if "DELTA_BYTE_ARRAY" not in chunk.encodings:
            size /= max(1, chunk.num_values)
            if chunk.has_dictionary_page and "BYTE_ARRAY" in chunk.physical_type:
                size = max(size, _bytes_of_dictionary(chunk, file))
        most = max(most, size * chunk.num_values / max(1, num_rows))
    return max(1, min(MAX_BATCH, int(MAX_DECODED / most)))


def _bytes_of_dictionary(chunk: ColumnChunkMetaData, file: BinaryIO) -> int:
    """Return the bytes of the dictionary of a column, unpacked, as written before it in the file.

    A page begins with two numbers, its kind and its size: a byte 0x15 each, then seven bits a byte, the
    lowest first, of twice the number. What begins otherwise is no page: the reader will refuse it.
    """
    file.seek(chunk.dictionary_page_offset)
    size = re.match(rb"\x15[\x00-\x7f]\x15([\x80-\xff]{0,9}[\x00-\x7f])", file.read(16), re.DOTALL)
    bits: bytes = size[1] if size else b""
    return sum((part & 0x7F) << 7 * place for place, part in enumerate(bits)) // 2


def _values(column: pyarrow.Array, path: Path, number: int) -> Iterator[Any]:
    """Yield the values of a column; of one with times, which are no data of ours, its type instead.

    Args:
        number: of rows of the file before its first one, for the error.

    Raises:
        ValueError: a text is not UTF-8, which Parquet does not check.
    """
    has_times = _has_times(column.type)
    for row, scalar in enumerate(column, start=number + 1):
        try:
            yield column.type if has_times else scalar.as_py()
        except UnicodeDecodeError as error:
            raise ValueError(
                f"{path}, row {row}: must hold UTF-8 in its columns of text, but has the byte "
                f"0x{error.object[error.start]:02x}."
            ) from error


def _has_times(kind: pyarrow.DataType) -> bool:
    """Return whether values of a type are times, or have times in them; Python has not all of these."""
    import pyarrow

    inner = (kind.field(number).type for number in range(kind.num_fields))
    return pyarrow.types.is_temporal(kind) or any(map(_has_times, inner))
