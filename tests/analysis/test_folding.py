"""Names and paths are folded at / and _, and text at blanks."""

import re

import pytest
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from analysis.folding import Folded, fold

NAMES = [
    "forgetting/general/kl_rise",
    "forgetting/miniature/antistereotype_nll_rise",
    "/home/someone/data sets/of my own/alignment_pairs.csv",
    "dominated by the base · likelihood_gap 12 · lr 4.3e-4",
]


@pytest.mark.parametrize("width", range(1, 40))
@pytest.mark.parametrize("name", NAMES)
def test_the_lines_make_the_text_again_and_none_is_too_wide(name, width):
    lines = fold(name, width)
    assert "".join(lines) == name
    assert max(cell_len(line.rstrip()) for line in lines) <= width
    longest = max(map(len, re.split(r"[ /_]", name)))
    if width > longest:
        assert all(line.endswith((" ", "/", "_")) for line in lines[:-1]), "no word is broken"


def test_a_line_ends_at_a_blank_before_it_ends_within_a_name():
    assert fold("lr of likelihood_gap", 15) == ["lr of ", "likelihood_gap"]
    assert fold("forgetting/general/kl_rise", 22) == ["forgetting/general/", "kl_rise"]


@pytest.mark.parametrize("justify", ["left", "right"])
def test_a_column_is_not_narrower_than_a_word_while_another_can_give_way(justify, capsys):
    table = Table(box=None)
    table.add_column(Folded("miniature\nstereotype_nll [dim]↓[/dim]"), justify=justify)
    table.add_column("recipe")
    table.add_row("1", " ".join(["word"] * 30))
    Console(width=28).print(table)
    shown = capsys.readouterr().out
    assert {"miniature", "stereotype_", "nll"} <= set(shown.split()), shown
    assert max(map(len, shown.splitlines())) <= 28
