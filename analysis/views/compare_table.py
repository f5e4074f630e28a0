"""The table and the JSON of `sweep compare`."""

from __future__ import annotations

import json
import math

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from analysis.record.sweep import Candidate, Sweep
from trainables.metrics.names import DEGENERATE, parse

# Characters of a metric's name in one line, so that a table has 80 columns.
MAX_NAME_CHARS = 26


def goals_first(sweep: Sweep, comparison: pd.DataFrame, /) -> pd.DataFrame:
    """Return a comparison with the goals of the sweep first, in the order of its spec.

    The other metrics follow in the order that they have.
    """
    ranks = {goal.name: rank for rank, goal in enumerate(sweep.goals)}
    rank = comparison["metric"].map(lambda name: ranks.get(name, len(ranks)))
    return comparison.iloc[rank.argsort(kind="stable")].reset_index(drop=True)


def table(
    sweep: Sweep, comparison: pd.DataFrame, one: str, other: str, /, *, every: bool = True
) -> Table:
    """Return a comparison as a table of 80 columns, goals first; differences with p < 0.05 are bold.

    Args:
        comparison: a table of `analysis.stats.paired.compare`.
        one, other: the candidates' names, as NUMBER, NUMBER@ALPHA or `base`.
        every: whether metrics that are no goals are shown, too. If not, their number is.
    """
    shown = Table(
        title=f"{sweep.name}: {other} against {one}, on the same items",
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = "left"
    rows = sweep.rows.to_dict("records")
    degenerate = {str(Candidate.of(row)) for row in rows if row.get(DEGENERATE) == 1}
    captions = []
    if flagged := [name for name in (one, other) if name in degenerate]:
        captions.append(f"degenerate, debiased because broken: trial {' and '.join(flagged)}")
    shown.add_column("metric", overflow="fold")
    for heading in (one, other, "difference", "p"):
        shown.add_column(heading, justify="right", no_wrap=True)
    goals = {goal.name for goal in sweep.goals}
    comparison = goals_first(sweep, comparison)
    is_goal = comparison["metric"].isin(goals)
    if without_items := [g.name for g in sweep.goals if g.name not in set(comparison["metric"])]:
        captions.append(f"without items, so without a test: {', '.join(without_items)}")
    if not every and not is_goal.all():
        captions.append(f"{(~is_goal).sum()} metrics that are no goals: --all")
        comparison = comparison[is_goal]
    for row in comparison.to_dict("records"):
        cells = [f"{row['one'] + 0.0:.4g}", f"{row['other'] + 0.0:.4g}"]  # + 0.0 turns -0 into 0
        if math.isnan(row["difference"]):
            cells += ["other items", ""]
        else:
            se, p = ("?" if math.isnan(row[key]) else f"{row[key]:.2g}" for key in ("se", "p"))
            cells += [f"{row['difference']:+.3g} ± {se}", p]
        style = "bold" if row["p"] < 0.05 else "dim"
        shown.add_row(_broken_name(row["metric"]), *cells, style=style)
    shown.caption = "\n".join(captions) or None
    shown.caption_justify = "left"
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
