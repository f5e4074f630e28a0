"""Whether two trials differ, or only look so: a paired test on the items that both were measured on."""

from __future__ import annotations

import json
import math

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from analysis.record.sweep import Candidate, Sweep
from trainables.metrics.names import DEGENERATE, parse

WIDEST = 26  # of the name of a metric in one line, so that a table has 80 columns


def table(sweep: Sweep, found: pd.DataFrame, one: str, other: str, /) -> Table:
    """Fits in 80 columns; what can hardly be chance (p < 0.05) stands out."""
    shown = Table(
        title=f"{sweep.name}: {other} against {one}, on the same items",
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = "left"
    models = sweep.rows.to_dict("records")
    broken = {str(Candidate.of(row)) for row in models if row.get(DEGENERATE) == 1}
    if flagged := [word for word in (one, other) if word in broken]:
        shown.caption = f"degenerate, debiased because broken: trial {' and '.join(flagged)}"
    shown.add_column("metric", overflow="fold")
    for heading in (one, other, "difference", "p"):
        shown.add_column(heading, justify="right", no_wrap=True)
    for row in found.to_dict("records"):
        sure = row["p"] < 0.05
        cells = [f"{row['one'] + 0.0:.4g}", f"{row['other'] + 0.0:.4g}"]  # no −0
        if math.isnan(row["difference"]):
            cells += ["other items", ""]
        else:
            error, p = ("?" if math.isnan(row[k]) else f"{row[k]:.2g}" for k in ("se", "p"))
            cells += [f"{row['difference']:+.3g} ± {error}", p]
        family, dataset, quantity = parse(row["metric"])
        is_short = len(row["metric"]) <= WIDEST
        name = row["metric"] if is_short else f"{family}/{dataset}/\n  {quantity}"
        shown.add_row(name, *cells, style="bold" if sure else "dim")
    return shown


def to_json(found: pd.DataFrame, /) -> str:
    rows = json.loads(found.to_json(orient="records", double_precision=15))
    return json.dumps(rows, indent=2) + "\n"
