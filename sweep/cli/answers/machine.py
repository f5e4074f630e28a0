"""Print an answer for programs: JSON, CSV or Parquet on stdout."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from sweep.cli.options import WRONG, leave

if TYPE_CHECKING:
    import pandas as pd

    from analysis.formats.schema import Schema


class AnswerFormat(StrEnum):
    """Forms in which a verb can print an answer that has a schema."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    PARQUET = "parquet"


def refuse_terminal(format_: AnswerFormat) -> None:
    """Refuse to print a Parquet file onto a terminal, before anything is read.

    Raises:
        SystemExit: it would be.
    """
    if format_ is AnswerFormat.PARQUET and sys.stdout.isatty():
        leave(
            WRONG,
            "--format parquet must go to a file or a program, but got a terminal: "
            "add `> answer.parquet`.",
        )


def print_answer(
    table: pd.DataFrame, schema: Schema, about: Mapping[str, Any], format_: AnswerFormat
) -> None:
    """Print an answer in a form for programs.

    Args:
        table: has the columns of the schema.
        about: what is true of the table as a whole, as the name of the sweep.
        format_: json, csv or parquet.
    """
    from analysis.formats import writing

    match format_:
        case AnswerFormat.JSON:
            print(writing.to_json(table, schema, about), end="")
        case AnswerFormat.CSV:
            print(writing.to_csv(table, schema), end="")
        case AnswerFormat.PARQUET:
            sys.stdout.buffer.write(writing.to_parquet(table, schema, about))
            sys.stdout.buffer.flush()
        case AnswerFormat.TABLE:
            raise ValueError("a table for people is printed by its own verb")
