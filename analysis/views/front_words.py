"""A front in words: its headline, recipes, marks and counts of candidates, cautions, short numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.record.candidate import Candidate
from analysis.record.names import TrialState
from analysis.record.sweep import Sweep
from analysis.record.table import error_of
from trainables.metrics.interval import UNKNOWN_DF, as_number, half_width, num_decimals, plus_minus
from trainables.metrics.metric import Metric
from trainables.metrics.names import DEGENERATE, parse
from trainables.schema.counted import counted

BEYOND, LOSES, STOPPED = "beyond a constraint", "dominated by the base", "stopped early"
TIMES = "×"  # before the number of replicates
DOMINATED = "dominated by another recipe"
DEGENERATE_MARK, FAILED_SEEDS = "degenerate", "with seeds that failed"
TIED, MAYBE_TIED = "≈", "≈?"
MEANING_OF_TIES = f"{TIED}: differs by less than noise in every goal, unpaired (compare is paired)"
MEANING_OF_MAYBE_TIED = f"{MAYBE_TIED}: may be as near, the error of one of the two is not known"
MEANING_OF_REPLICATES = (
    "values are means over n seeds; ± is of items and seeds (n = 1: of items alone)"
)
OF_GENERAL_TEXT = ("nll_rise", "ratio_rise")  # quantities
NO_BIAS_TERM = "none"  # the objective of a control: training that debiases nothing


def headline(sweep: Sweep, /) -> str:
    """Return one line: the number of candidates on the front and in all, and the hypervolume.

    The base model is one of the candidates.
    """
    return (
        f"{sweep.name}: {sweep.front_size} of {counted(sweep.num_candidates, 'candidate')} on the "
        f"front, hypervolume {sweep.hypervolume():.3f}"
    )


def recipe(sweep: Sweep, row: Mapping[Any, Any], /) -> str:
    """Return the searched parameters of a candidate in a line: `cda two · kl_to_base 0.03 · lr 2e-5`.

    There is an entry for each section of the configuration, as `objective`. It begins with the name
    that was chosen for the section, or else with the name of the section, and its values follow. The
    parameters of `train` are entries of their own. Numbers have two digits; the YAML has all.

    row: a row of `Sweep.candidates`.
    """
    entries = []
    for section in dict.fromkeys(name.rpartition(".")[0] for name in sweep.swept):
        settings = {
            name.removeprefix(f"{section}."): row[name]
            for name in sweep.swept
            if name.rpartition(".")[0] == section and not pd.isna(row[name])
        }
        chosen = row.get(f"{section}.name")
        settings.pop("name", None)
        if section in ("", "train"):
            entries += [f"{key} {number(value, digits=2)}" for key, value in settings.items()]
        elif chosen == "none":
            entries.append(f"no {section}")
        elif settings or not pd.isna(chosen):
            is_alone = len(settings) == 1
            values = [_setting(key, value, is_alone) for key, value in settings.items()]
            heading = section if pd.isna(chosen) else str(chosen)
            entries.append(" ".join([heading, *filter(None, values)]))
    return " · ".join(entries)


def _setting(key: str, value: Any, is_alone: bool) -> str:
    """Return a setting as `KEY VALUE`, or as VALUE if it is the only one of its section.

    A switch is its key if it is on. A switch that is off, and an empty value, are an empty text.
    """
    if str(value) in ("False", "None", ""):
        return ""
    if str(value) == "True":
        return key
    return f"{'' if is_alone else key + ' '}{number(value, digits=2)}"


def number(value: Any, /, *, digits: int = 3) -> str:
    """Return a number rounded to some digits, in the shortest form; anything else as its text.

    Digits before the point are never rounded below 1,000,000.

    >>> number(0.03), number(2e-5), number(1234.5), number("cda")
    ('0.03', '2e-5', '1234', 'cda')
    """
    if not isinstance(value, float):
        return str(value)
    if abs(value) < 1e6 and (value == round(value) or abs(value) >= 10**digits):
        return f"{value:.0f}"
    short = float(f"{value:.{digits}g}")
    mantissa, _, exponent = np.format_float_scientific(short, trim="-").partition("e")
    return min(f"{short:g}", f"{mantissa}e{int(exponent)}", key=len)


def rows_of(sweep: Sweep, every: bool) -> pd.DataFrame:
    """Return the rows of every candidate of a sweep, or of its front alone, without the base."""
    return sweep.candidates() if every else sweep.front()


def goal_decimals(sweep: Sweep, rows: pd.DataFrame) -> list[int]:
    """Return how many decimals each goal has in a table of these rows and the base model."""
    return [num_decimals([*rows[g.name], sweep.base.get(g.name, 0.0)]) for g in sweep.goals]


def goal_cells(
    sweep: Sweep, row: Mapping[Any, Any], decimals: Sequence[int], space: str
) -> list[list[str]]:
    """Return for each goal the texts of its cell in a table: the value, and `± HALF` unless exact.

    Args:
        row: a row of `Sweep.rows`, or the values of the base model, which may lack a goal.
        decimals: of `goal_decimals`.
        space: what stands after ±.
    """
    cells = []
    for goal, places in zip(sweep.goals, decimals, strict=True):
        form = f".{places}f"
        texts = ["–"]
        if goal.name in row:
            texts = [as_number(row[goal.name], form), shown_error(row, goal.name, form, space)]
        cells.append([text for text in texts if text])
    return cells


def shown_error(row: Mapping[Any, Any], metric: str, form: str, space: str = " ") -> str:
    """Return `± HALF`, half the 95 % interval of a metric in a row; `± ?` if unknown; empty if exact.

    row: a row of `Sweep.rows`, or the values of the base model.
    form: the format of HALF. space: what stands after ±.
    """
    return plus_minus(*error_of(row, metric), form, space)


def arrow(goal: Metric) -> str:
    """Return the direction in which a goal is better: `↓`, `↑`, or `→` and the ideal."""
    return {"lower": "↓", "higher": "↑", "nearer": f"→{number(goal.ideal)}"}[goal.better]


def marks(row: Mapping[Any, Any]) -> list[str]:
    """Return what keeps a candidate off the front, or is to be known of it; an empty list for nothing.

    row: a row of `Sweep.candidates`.
    """
    found = []
    if row["state"] == TrialState.PRUNED:
        found.append(STOPPED)
    if num := num_degenerate(row):
        every = row["replicates"]
        found.append(DEGENERATE_MARK if num == every else f"{DEGENERATE_MARK} in {num} of {every}")
    if num := row["failed_seeds"]:
        found.append(f"{num} of {num + row['replicates']} seeds failed")
    if not row["feasible"]:
        found.append(BEYOND)
    if row["loses_to_base"]:
        found.append(LOSES)
    if _is_dominated(row):
        found.append(DOMINATED)
    return found


def _is_dominated(row: Mapping[Any, Any]) -> bool:
    """Return whether nothing but another recipe keeps a candidate off the front."""
    has_ended = row["state"] == TrialState.COMPLETE
    return has_ended and row["feasible"] and not row["front"] and not row["loses_to_base"]


def num_degenerate(row: Mapping[Any, Any]) -> int:
    """Return how many replicates of a candidate are degenerate; 0 too if that was not measured.

    row: a row of `Sweep.candidates`, in which the metric is the share of replicates.
    """
    share = row.get(DEGENERATE)
    return 0 if share is None or pd.isna(share) else round(share * row["replicates"])


def label(row: Mapping[Any, Any]) -> str:
    """Return the name of a candidate in a picture: that of its first trial, and ×N replicates."""
    name = str(Candidate.of(row))
    return name if row["replicates"] == 1 else f"{name} {TIMES}{row['replicates']}"


def has_replicates(sweep: Sweep) -> bool:
    """Return whether a recipe of a sweep was complete with more than one seed."""
    return bool((sweep.candidates()["replicates"] > 1).any())


def about_base(sweep: Sweep) -> str:
    """Return what a table says of the base model in the place of a recipe."""
    return ": ".join(filter(None, ["the model before training", base_remark(sweep)]))


def base_remark(sweep: Sweep) -> str:
    """Return what keeps the base model off the front, in words; empty if it is on it."""
    match sweep.base_standing:
        case "on the front":
            return ""
        case "dominated":
            return "dominated, so not on the front"
        case "beyond a constraint":
            return "beyond a constraint, so not on the front"
        case "not measured":
            return "not measured in every goal and constraint, so not on the front"


def counts(sweep: Sweep) -> str:
    """Return how many candidates have each mark, in a line; empty if none has one."""
    rows = sweep.candidates().to_dict("records")
    kinds = {
        BEYOND: [row for row in rows if not row["feasible"]],
        DEGENERATE_MARK: [row for row in rows if num_degenerate(row)],
        LOSES: [row for row in rows if row["loses_to_base"]],
        DOMINATED: [row for row in rows if _is_dominated(row)],
        STOPPED: [row for row in rows if row["state"] == TrialState.PRUNED],
        FAILED_SEEDS: [row for row in rows if row["failed_seeds"]],
    }
    numbers = {kind: len(marked) for kind, marked in kinds.items()}
    numbers[BEYOND] += sweep.base_standing == "beyond a constraint"
    found = [f"{number} {kind}" for kind, number in numbers.items() if number]
    if not found:
        return ""
    trials = int((sweep.trials["state"] == TrialState.COMPLETE).sum())
    of = f"{counted(sweep.num_candidates, 'candidate')}, of {counted(trials, 'complete trial')}"
    return f"{of}: {', '.join(found)}"


def cautions(sweep: Sweep) -> list[str]:
    """Return sentences on goals that do not mean what they seem to; most sweeps have none.

    A goal that tells how much less likely general text became is 0 for a model that learnt nothing. If
    it is below 0, by more than its 95 % interval, for a *control* (a recipe whose objective
    is `none`), training lowers it without any debiasing.
    """
    controls = [
        row
        for row in sweep.candidates().to_dict("records")
        if row.get("objective.name") == NO_BIAS_TERM and row["state"] == TrialState.COMPLETE
    ]
    sentences = []
    for goal in sweep.goals:
        family, dataset, quantity = parse(goal.name)
        if family != "forgetting" or quantity not in OF_GENERAL_TEXT:
            continue
        below = [row for row in controls if _is_below_zero(row, goal.name)]
        if below:
            lowest = min(below, key=lambda row: float(row[goal.name]))
            value = " ".join(
                filter(
                    None, [number(float(lowest[goal.name])), shown_error(lowest, goal.name, ".2g")]
                )
            )
            sentences.append(
                f"{goal.name} is {value} {goal.unit} for trial {label(lowest)}, which debiases nothing "
                f"(objective none): training on such texts lowers this axis, so below zero it shows "
                f"what was learnt of the text, and not that less was forgotten; take "
                f"forgetting/{dataset}/kl_rise (evaluator kl) as the goal."
            )
    return sentences


def _is_below_zero(row: Mapping[Any, Any], metric: str) -> bool:
    """Return whether a metric of a candidate is below zero by more than half its 95 % interval."""
    se, df = error_of(row, metric)
    if df == UNKNOWN_DF:
        return False
    return float(row[metric]) + (half_width(se, df) or 0.0) < 0
