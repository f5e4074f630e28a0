"""The verb that lists what can be a goal: metrics."""

from __future__ import annotations

import csv
import json
import sys
import textwrap
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sweep.cli.options import WRONG, Format, HarnessTasks, leave, use_harness_tasks
from trainables.cli.output import WIDTH
from trainables.cli.streams import encodable
from trainables.schema.text.escaping import csv_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sweep.config.possible_goals import PossibleGoal
    from trainables.data.tokenizer import Family

COLUMNS = ("metric", "unit", "better", "ideal", "worst", "meaning", "evaluator")
SEVERAL = "from several evaluators, or the replay"

app = typer.Typer()


@app.command(epilog="Example: sweep metrics sweep/specs/smollm2.yaml")
def metrics(
    spec: Annotated[
        Path | None, typer.Argument(metavar="[SPEC]", help="a sweep's YAML file, or a draft of it")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="in place of SPEC: known name, folder, or OWNER/REPO on the Hub"),
    ] = None,
    format_: Annotated[Format, typer.Option("--format")] = Format.TABLE,
    harness_tasks: HarnessTasks = None,
) -> None:
    """List every metric that can be a goal or a constraint, with unit, direction and meaning.

    Of a spec, those that its evaluators measure; of a model, or of a spec without evaluators, those of
    every evaluator.
    """
    from sweep.config import possible_goals
    from trainables.schema.yaml_file import SpecError, read

    if (spec is None) == (model is None):
        given = "neither" if spec is None else "both"
        call = "as in `sweep metrics sweep.yaml`"
        leave(WRONG, f"either SPEC or --model NAME must be given, {call}, but got {given}.")
    use_harness_tasks(harness_tasks)
    without: dict[str, list[str]] = {}
    try:
        if spec is None:
            family = _family(model)
            goals, without = (
                possible_goals.of_family(family),
                possible_goals.without_example(family),
            )
        else:
            goals = possible_goals.of_spec(read(spec))
    except SpecError as error:
        leave(WRONG, str(error))
    rows = [_row(goal) for goal in goals]
    if format_ is Format.JSON:
        print(json.dumps(rows, indent=2))
    elif format_ is Format.CSV:
        _print_csv(rows)
    else:
        print("\n".join(_lines(goals)))
        if any(part.isupper() for goal in goals for part in goal.metric.name.split("/")):
            print(
                "\nA word in capitals stands for a setting, as DATA for {name: probe, data: imdb}."
            )
        for name, keys in without.items():
            print(f"{name}: its metrics depend on {', '.join(keys)}, so ask with a SPEC.")


def _family(model: str | None) -> Family:
    """Return the family of a model, as `python -m trainables measure` finds it.

    Raises:
        SystemExit: there is no such model.
    """
    from trainables.assets.errors import AssetError
    from trainables.models.pretrained import family_of

    try:
        return family_of(str(model))
    except (AssetError, ValueError) as error:
        leave(WRONG, str(error))


def _row(goal: PossibleGoal) -> dict[str, Any]:
    """Return a metric as a JSON object; `evaluator` is null if it comes from several."""
    metric = goal.metric
    values = (
        *(metric.name, metric.unit, metric.better, metric.ideal, metric.worst, metric.about),
        goal.evaluator or None,
    )
    return dict(zip(COLUMNS, values, strict=True))


def _print_csv(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as CSV, with a line of headings."""
    writer = csv.DictWriter(sys.stdout, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in rows)


def _lines(goals: Sequence[PossibleGoal]) -> Iterator[str]:
    """Yield the lines of the table, of 80 columns: two for each metric, below its evaluator."""
    yield f"{'metric':<47} {'unit':<10} {'better':<7} ideal"
    for evaluator, group in groupby(goals, key=lambda goal: goal.evaluator):
        yield ""
        yield evaluator or SEVERAL
        for metric, _ in group:
            numbers = f"{encodable(metric.unit):<10} {metric.better:<7} {metric.ideal:g}"
            line = f"  {encodable(metric.name):<45} {numbers}"
            if len(line) > WIDTH:
                yield f"  {encodable(metric.name)}"
                line = f"{'':<47} {numbers}"
            yield line
            indent = " " * 6
            yield textwrap.fill(
                encodable(metric.about), WIDTH, initial_indent=indent, subsequent_indent=indent
            )
