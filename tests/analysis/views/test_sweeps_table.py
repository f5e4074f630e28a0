import pandas as pd
from rich.console import Console

from analysis.views.sweeps_table import table

ROW = {
    "name": "smollm2-gender",
    "state": "finished",
    "complete": 1234,
    "failed": 12,
    "pruned": 345,
    "running": 0,
    "killed": 0,
    "started": pd.Timestamp("2026-11-24 10:39", tz="UTC"),
    "goals": ["bias/stereoset/gap"],
}


def lines(*rows: dict) -> list[str]:
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table(pd.DataFrame(rows, columns=list(ROW))))
    return capture.get().splitlines()


def test_a_sweep_is_one_line_of_at_most_80_columns_with_nothing_cut():
    shown = lines(ROW, ROW | {"name": "[red]x"})
    (line,) = [line for line in shown if "smollm2-gender" in line]
    for word in ("finished", "1234", "345", "2026-11-24 10:39"):
        assert word in line
    assert max(map(len, shown)) <= 80
    assert "…" not in "".join(shown)
    assert any("[red]x" in line for line in shown), "a name is text, not markup"


def test_killed_trials_have_a_column_where_there_are_some_and_all_is_within_80_columns():
    assert "killed" not in "".join(lines(ROW))
    ended = ROW | {"state": "interrupted", "killed": 678}
    shown = lines(ended, ROW | {"running": 3, "name": "a"})
    assert "killed" in shown[1]
    assert any("678" in line for line in shown)
    assert max(map(len, shown)) <= 80
    assert "…" not in "".join(shown)
    shown = "".join(lines(ended | {"pruned": 0}))
    assert "pruned" not in shown
    assert "678" in shown


def test_an_empty_record_is_a_heading_alone():
    assert any("started" in line for line in lines())
