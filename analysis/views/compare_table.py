"""The table and the JSON of `sweep compare`."""

from __future__ import annotations

import json
import math

import pandas as pd
from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from analysis.folding import Folded
from analysis.record.candidate import BASE, Candidate
from analysis.record.sweep import Sweep
from analysis.stats.recipes_compared import SEED_COLUMNS
from trainables.metrics.interval import MEANING, UNKNOWN_DF, plus_minus
from trainables.metrics.names import DEGENERATE
from trainables.schema.counted import counted

NO_SEEDS = "too few seeds to tell: `sweep rerun {} --seeds 3` adds some"  # sweep and trials


def goals_first(sweep: Sweep, comparison: pd.DataFrame, /) -> pd.DataFrame:
    """Return a comparison with the goals of the sweep first, in the order of its spec.

    The other metrics follow in the order that they have.
    """
    ranks = {goal.name: rank for rank, goal in enumerate(sweep.goals)}
    rank = comparison["metric"].map(lambda name: ranks.get(name, len(ranks)))
    return comparison.iloc[rank.argsort(kind="stable")].reset_index(drop=True)


def table(
    sweep: Sweep,
    comparison: pd.DataFrame,
    one: str,
    other: str,
    /,
    *,
    recipes: bool = False,
    every: bool = True,
) -> Table:
    """Return a comparison as a table of 80 columns, goals first; differences with p < 0.05 are bold.

    The title says whether weights are compared or recipes.

    Args:
        comparison: a table of `compare` in analysis/stats/paired.py, or with `recipes` of
            `compare_recipes` in analysis/stats/recipes_compared.py.
        one, other: the candidates' names, as NUMBER, NUMBER@ALPHA or `base`.
        every: whether metrics that are no goals are shown, too. If not, their number is.
    """
    shown = Table(
        title=escape("\n".join(_titles(sweep, comparison, one, other, recipes))),
        box=SIMPLE_HEAD,
        min_width=76,
    )
    shown.title_justify = shown.caption_justify = "left"
    rows = sweep.rows.to_dict("records")
    degenerate = {str(Candidate.of(row)) for row in rows if row.get(DEGENERATE) == 1}
    captions = [MEANING]
    if recipes and len(comparison) and comparison["se"].isna().all():
        trials = [name.partition("@")[0] for name in (one, other) if name != BASE]
        captions.append(escape(NO_SEEDS.format(" ".join([sweep.name, *dict.fromkeys(trials)]))))
    if flagged := [name for name in (one, other) if name in degenerate]:
        captions.append(f"degenerate, debiased because broken: trial {' and '.join(flagged)}")
    shown.add_column("metric")
    for heading in (one, other, "difference", "p"):
        shown.add_column(heading, justify="right", no_wrap=True)
    goals = {goal.name for goal in sweep.goals}
    comparison = goals_first(sweep, comparison)
    is_goal = comparison["metric"].isin(goals)
    if without_items := [g.name for g in sweep.goals if g.name not in set(comparison["metric"])]:
        captions.append(f"without items, so without a test: {escape(', '.join(without_items))}")
    if not every and not is_goal.all():
        captions.append(
            f"{counted(int((~is_goal).sum()), 'metric that is no goal', 'metrics that are no goals')}: "
            "--all"
        )
        comparison = comparison[is_goal]
    for row in comparison.to_dict("records"):
        cells = [f"{row['one'] + 0.0:.4g}", f"{row['other'] + 0.0:.4g}"]  # + 0.0 turns -0 into 0
        if math.isnan(row["difference"]):
            cells += ["other items", ""]
        elif math.isnan(row["p"]):
            cells += [f"{row['difference']:+.3g} {plus_minus(None, UNKNOWN_DF, '')}", "?"]
        else:
            df = math.inf if math.isnan(row["df"]) else row["df"]
            error = plus_minus(row["se"], df, ".2g")
            cells += [f"{row['difference']:+.3g} {error}", f"{row['p']:.2g}"]
        style = "bold" if row["p"] < 0.05 else "dim"
        shown.add_row(Folded(escape(row["metric"]), indent=2), *cells, style=style)
    shown.caption = "\n".join(captions)
    return shown


def _titles(
    sweep: Sweep, comparison: pd.DataFrame, one: str, other: str, recipes: bool
) -> list[str]:
    """Return the lines of a title: what is compared, and whether it is one recipe twice."""
    recipe_of = dict(zip(sweep.trials["trial"].astype(str), sweep.trials["recipe"], strict=True))
    keys = [
        (recipe_of.get(name.partition("@")[0]), name.partition("@")[2]) for name in (one, other)
    ]
    is_one_recipe = bool(keys[0][0]) and keys[0] == keys[1] and one != other
    note = ["they are seeds of one recipe: what differs between them is chance"]
    if not recipes:
        title = f"{sweep.name}: weights of {other} against those of {one}, on the same items"
        return [title, *(note if is_one_recipe else [])]
    counts = [int(comparison[column].max()) if len(comparison) else 0 for column in SEED_COLUMNS]
    words = [
        name if name == BASE else f"{name} ({counted(num, 'seed')})"
        for name, num in zip((one, other), counts, strict=True)
    ]
    title = f"{sweep.name}: recipe of {words[1]} against that of {words[0]}"
    return [title, *(note if is_one_recipe else [])]


def to_json(comparison: pd.DataFrame, /) -> str:
    """Return a comparison as a JSON list with an object for each metric; NaN becomes null."""
    rows = json.loads(comparison.to_json(orient="records", double_precision=15))
    return json.dumps(rows, indent=2) + "\n"
