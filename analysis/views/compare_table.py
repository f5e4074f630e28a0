"""The table and the JSON of `sweep compare`."""

from __future__ import annotations

import json
import math

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from analysis.record.sweep import Candidate, Sweep
from trainables.metrics.interval import MEANING, UNKNOWN_DF, plus_minus
from trainables.metrics.names import DEGENERATE, parse

# Characters of a metric's name in one line, so that a table has 80 columns.
MAX_NAME_CHARS = 26


def table(sweep: Sweep, comparison: pd.DataFrame, one: str, other: str, /) -> Table:
    """Return a comparison as a table of 80 columns; differences with p < 0.05 are bold.

    Args:
        comparison: a table of `analysis.stats.paired.compare`.
        one, other: the candidates' names, as NUMBER, NUMBER@ALPHA or `base`.
    """
    shown = Table(
        title=f"{sweep.name}: {other} against {one}, on the same items",
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = shown.caption_justify = "left"
    rows = sweep.rows.to_dict("records")
    degenerate = {str(Candidate.of(row)) for row in rows if row.get(DEGENERATE) == 1}
    shown.caption = MEANING
    if flagged := [name for name in (one, other) if name in degenerate]:
        shown.caption += f"\ndegenerate, debiased because broken: trial {' and '.join(flagged)}"
    shown.add_column("metric", overflow="fold")
    for heading in (one, other, "difference", "p"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in comparison.to_dict("records"):
        cells = [f"{row['one'] + 0.0:.4g}", f"{row['other'] + 0.0:.4g}"]  # + 0.0 turns -0 into 0
        if math.isnan(row["difference"]):
            cells += ["other items", ""]
        elif math.isnan(row["p"]):
            cells += [f"{row['difference']:+.3g} {plus_minus(None, UNKNOWN_DF, '')}", "?"]
        else:
            df = None if math.isnan(row["df"]) else row["df"]
            error = plus_minus(row["se"], df, ".2g")
            cells += [f"{row['difference']:+.3g} {error}", f"{row['p']:.2g}"]
        style = "bold" if row["p"] < 0.05 else "dim"
        shown.add_row(_broken_name(row["metric"]), *cells, style=style)
    return shown


def _broken_name(name: str) -> str:
    """Return the name of a metric, in two lines if it is long."""
    if len(name) <= MAX_NAME_CHARS:
        return name
    family, dataset, quantity = parse(name)
    return f"{family}/{dataset}/\n  {quantity}"


def to_json(comparison: pd.DataFrame, /) -> str:
    """Return a comparison as a JSON list with an object for each metric; NaN becomes null."""
    rows = json.loads(comparison.to_json(orient="records", double_precision=15))
    return json.dumps(rows, indent=2) + "\n"
