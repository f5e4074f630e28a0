"""Tables on a terminal that cannot show every character."""

import io

import pytest
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from sweep.display.console import ShowableConsole


def shown(encoding):
    """A table with wide stand-ins in a heading, in cells and in its caption, in this encoding."""
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    table = Table(caption="± is half the 95 % interval …")
    table.add_column(Folded("kl_rise ↓"), justify="right", no_wrap=True)
    table.add_column("≤ recipe …")
    table.add_row("±0.1", Folded("kl_to_base 0.1 · lr 2e-5 → … " * 4))
    table.add_row("plain", "plain")
    ShowableConsole(file=file, width=60).print(table)
    file.flush()
    return file.buffer.getvalue().decode(encoding).splitlines()


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_the_sides_of_a_table_are_straight_and_nothing_is_cut(encoding):
    lines = shown(encoding)
    rows = [line.rstrip() for line in lines if line[:1] in "|│┃"]
    assert len(rows) >= 4
    assert {len(line) for line in rows} == {max(map(len, rows))}
    assert max(map(len, lines)) <= 60
    text = "\n".join(lines)
    assert "?" not in text
    assert ("+/-0.1" in text) == (encoding == "ascii")
    assert "<= recipe ..." in text or encoding == "utf-8"


def test_no_text_steers_the_terminal_or_becomes_a_picture_and_columns_stay_straight():
    file = io.StringIO()
    table = Table()
    evil = "a\x1b[2J\x9b31m\u202eb :smile: [bold]c[/bold]"
    for cell in (escape(evil), Folded(escape(evil)), Folded(escape("x" * len(evil)))):
        table.add_row(cell, "end")
    ShowableConsole(file=file, width=70).print(table)
    text = file.getvalue()
    assert text.count(r"a\x1b[2J\x9b31m\u202eb :smile: [bold]c[/bold]") == 2
    assert not set(text) & set("\x1b\x9b\u202e")
    rows = [line for line in text.splitlines() if line[:1] in "|│┃"]
    assert {len(line) for line in rows} == {len(rows[0])}
