"""Answers for programs on stdout."""

import io
import json
import sys

import pytest

from analysis.formats.schema import Column, Schema
from sweep.cli.answers.machine import AnswerFormat, print_answer, refuse_terminal

SCHEMA = Schema("test", 1, (Column("name", "text", "of it"),))
TABLE = SCHEMA.table([{"name": "ä"}])


def test_json_and_csv_are_text(capsys):
    print_answer(TABLE, SCHEMA, {"sweep": "tiny"}, AnswerFormat.JSON)
    assert json.loads(capsys.readouterr().out) == {
        "schema": "equipoise/test/1", "sweep": "tiny", "rows": [{"name": "ä"}],
    }  # fmt: skip
    print_answer(TABLE, SCHEMA, {}, AnswerFormat.CSV)
    assert capsys.readouterr().out == "name\nä\n"


def test_parquet_is_bytes_on_stdout(capsysbinary):
    import pyarrow.parquet as pq

    print_answer(TABLE, SCHEMA, {}, AnswerFormat.PARQUET)
    assert pq.read_table(io.BytesIO(capsysbinary.readouterr().out)).to_pylist() == [{"name": "ä"}]


def test_parquet_is_refused_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(SystemExit):
        refuse_terminal(AnswerFormat.PARQUET)
    assert "add `> answer.parquet`" in capsys.readouterr().err
    refuse_terminal(AnswerFormat.JSON)
