"""The schema of a table that programs read: its columns, and a version that grows when they change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pandas as pd

Kind = Literal["text", "number", "whole number", "yes or no", "texts", "numbers"]


class Column(NamedTuple):
    """A column: its name, what its cells are, and what they mean. Any cell may be missing."""

    name: str
    kind: Kind
    about: str


@dataclass(frozen=True)
class Schema:
    """What a table of one kind of answer has.

    name:    of the kind of answer, as "findings".
    version: from 1. It grows when a column is left out, gets another name or another meaning; a new
             column does not change it.
    columns: in the order of the table.
    others:  what further columns a table may have behind them, in words; empty for none.
    """

    name: str
    version: int
    columns: tuple[Column, ...]
    others: str = ""

    def __str__(self) -> str:
        """Return what files say of their schema.

        >>> str(Schema("findings", 1, ()))
        'equipoise/findings/1'
        """
        return f"equipoise/{self.name}/{self.version}"

    @property
    def names(self) -> list[str]:
        """The names of the columns."""
        return [column.name for column in self.columns]

    def table(self, rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
        """Return rows as a table: the columns of the schema, then those that rows have besides."""
        others = dict.fromkeys(name for row in rows for name in row if name not in self.names)
        return pd.DataFrame(rows, columns=[*self.names, *others], dtype=object)
