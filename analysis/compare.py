"""Whether two trials differ, or only look so: a paired test on the items that both were measured on."""

from __future__ import annotations

import json
import math

import numpy as np
import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.table import Table

from analysis import runs
from analysis.runs import Candidate, Sweep
from trainables.metric_names import DEGENERATE, parse

WIDEST = 26  # of the name of a metric in one line, so that a table has 80 columns


def compare(sweep: Sweep, one: Candidate | None, other: Candidate | None, /) -> pd.DataFrame:
    """One row a metric that both have items of; None stands for the base model.

    difference = other − one, in the metric's unit. Its standard error is that of the items'
    differences of influence, summed within clusters, and p (two-sided) is of Student's t with one
    degree of freedom less than clusters: for a plain mean exactly the paired t-test. Where the two
    were not measured on the very same items, all three are NaN: then values cannot be compared.
    Columns: metric, unit, one, other, difference, se, p, items, clusters.
    """
    both = runs.items(sweep, one).merge(
        runs.items(sweep, other),
        on=["metric", "item"],
        suffixes=("_one", "_other"),
        how="outer",
        sort=False,
        validate="one_to_one",
        indicator=True,
    )
    rows = []
    for name, each in both.dropna(subset=["item"]).groupby("metric", sort=False):
        pairs = each[each["_merge"] == "both"]
        if pairs.empty:
            continue
        metric = sweep.metrics.get(str(name))
        value, value_other = pairs["value_one"].iloc[0], pairs["value_other"].iloc[0]
        by = pairs["cluster_one"].fillna(pairs["item"])
        change = (pairs["influence_other"] - pairs["influence_one"]).groupby(by.to_numpy()).sum()
        difference = value_other - value if len(pairs) == len(each) else math.nan
        se, p = _paired(difference, change.to_numpy())
        rows.append(
            {
                "metric": name,
                "unit": metric.unit if metric else "",
                "one": value,
                "other": value_other,
                "difference": difference,
                "se": se,
                "p": p,
                "items": len(pairs),
                "clusters": len(change),
            }
        )
    return pd.DataFrame(
        rows,
        columns=[
            *("metric", "unit", "one", "other", "difference", "se", "p", "items", "clusters"),
        ],
    )


def _paired(difference: float, change_C: np.ndarray) -> tuple[float, float]:
    from scipy import stats

    num = len(change_C)
    if num < 2 or math.isnan(difference):
        return math.nan, math.nan
    se = math.sqrt(num / (num - 1) * float(change_C @ change_C))
    if se == 0:  # items without spread tell nothing of those that were not measured
        return (0.0, 1.0) if difference == 0 else (math.nan, math.nan)
    return se, float(2 * stats.t.sf(abs(difference) / se, num - 1))


def table(sweep: Sweep, found: pd.DataFrame, one: str, other: str, /) -> Table:
    """Fits in 80 columns; what can hardly be chance (p < 0.05) stands out."""
    shown = Table(
        title=f"{sweep.name}: {other} against {one}, on the same items",
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = "left"
    models = sweep.models.to_dict("records")
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
