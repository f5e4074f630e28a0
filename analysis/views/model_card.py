"""The model card of a member of the front: its recipe, its results, how to load and repeat it.

The form is that of Hugging Face: YAML with the base model, data sets and results, then Markdown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.record.candidate import Candidate
from analysis.record.reader import read_trial_yaml
from analysis.record.sweep import Sweep
from analysis.stats.ties import ties
from analysis.views.front_words import num_degenerate, number, recipe, shown_error
from trainables.metrics.interval import MEANING
from trainables.metrics.metric import Metric
from trainables.metrics.names import DEGENERATE, parse
from trainables.schema.counted import counted
from trainables.schema.plain_yaml import to_yaml
from trainables.schema.text.escaping import as_block, in_code, in_markdown

# Family of the model -> (task on the Hugging Face Hub, class of transformers that loads it).
TASKS = {
    "causal": ("text-generation", "AutoModelForCausalLM"),
    "masked": ("fill-mask", "AutoModelForMaskedLM"),
}
CARD = """\
# {title}

{base}, fine-tuned to have less social bias while forgetting as little as possible: {recipe}.
It is {size} on the front of the sweep {sweep} ({candidates}, the base model among
them): none of them was better in one of {goals} without being worse in another.{remarks}

## What was measured

{table}

{meaning}, over the items of a benchmark{seeds}. A metric that
differs from the base by less than 1.4 times the number after its ± may do so by chance. Metrics are
named `family/data set/quantity`.

## Use and limits

For research on bias and forgetting. A smaller bias above is a smaller bias on that benchmark, in its
language and for its groups, and not the absence of bias: other biases, other languages and other
tasks were not measured. Members of a front are the best of many models by these very numbers, so they
will be somewhat worse on other items. The licence is that of the base model and its data.

## How to load it

```python
from transformers import {loader}, AutoTokenizer

model = {loader}.from_pretrained("FOLDER")  # the folder of this file
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
```

## How to repeat it

With Equipoise{commit}, `python -m trainables run trial.yaml --save debiased` trains and measures it
again, from this `trial.yaml`:

{yaml}
"""


def card(sweep: Sweep, candidate: Candidate, /) -> str:
    """Return the text of README.md for the folder of a candidate's weights.

    Its numbers are those of these weights. Where the recipe has other seeds, too, its means stand
    beside them.

    Raises:
        ValueError: the candidate is not on the front.
    """
    front = {Candidate.of(row): row for row in sweep.front().to_dict("records")}
    if candidate not in front:
        raise ValueError(f"{candidate} is not on the front of {sweep.name}, so it gets no card.")
    row, own = front[candidate], _own_row(sweep, candidate)
    _, loader = _task_and_loader(own)
    remarks, seeds = "", ""
    if row["replicates"] > 1:
        seeds = " and, where it is that of a mean, over seeds, too"
        remarks += (
            f" What is on the front is the mean over {row['replicates']} seeds of this recipe; these "
            f"weights are those of trial {candidate.trial} alone, and may be better or worse."
        )
    if own.get(DEGENERATE) == 1:
        remarks += (
            " **Its language collapsed past the guard: it is debiased because it is broken.**"
        )
    elif num := num_degenerate(row):
        others = counted(num, "other seed")
        remarks += f" **The language of {others} of this recipe collapsed past the guard.**"
    tied, maybe = ties(sweep, sweep.front())[str(candidate)]
    if tied:
        remarks += f" It differs by less than noise in every goal from {', '.join(tied)}."
    if maybe:
        remarks += f" Whether it differs by more than noise from {', '.join(maybe)} is not known."
    body = CARD.format(
        title=in_markdown(f"{sweep.name}-{candidate.trial:04d}"),
        base=in_code(row.get("model.path", "the base model")),
        recipe=in_markdown(recipe(sweep, row)) or "one recipe",
        size="the only one" if sweep.front_size == 1 else f"one of {sweep.front_size}",
        sweep=in_code(sweep.name),
        candidates=counted(sweep.num_candidates, "candidate"),
        goals=", ".join(in_code(goal.name) for goal in sweep.goals),
        remarks=remarks,
        table="\n".join(_table(sweep, own, row)),
        meaning=MEANING,
        seeds=seeds,
        loader=loader,
        commit=f" at commit {in_markdown(sweep.commit)}" if sweep.commit else "",
        yaml=as_block(read_trial_yaml(sweep, candidate), "yaml"),
    )
    return f"---\n{_front_matter(sweep, own)}---\n\n{body}"


def tags(sweep: Sweep, row: Mapping[Any, Any], /) -> dict[str, str]:
    """Return the tags of the registered weights of a candidate, by name.

    They are `trial` and, by their names, the goals of these weights. Of a recipe with several
    replicates there are also their number, `recipe.seeds`, and the goals' means, `recipe.mean/GOAL`.

    row: a row of `Sweep.candidates`.
    """
    candidate = Candidate.of(row)
    own = _own_row(sweep, candidate)
    found = {"trial": str(candidate)} | {g.name: f"{own[g.name]:.6g}" for g in sweep.goals}
    if row["replicates"] > 1:
        found["recipe.seeds"] = str(row["replicates"])
        found |= {f"recipe.mean/{g.name}": f"{row[g.name]:.6g}" for g in sweep.goals}
    return found


def _own_row(sweep: Sweep, candidate: Candidate) -> dict[Any, Any]:
    """Return the row of `Sweep.rows` of a candidate: what its own weights are, and no mean over seeds.

    Raises:
        StopIteration: the sweep has no such candidate.
    """
    return next(row for row in sweep.rows.to_dict("records") if Candidate.of(row) == candidate)


def _table(sweep: Sweep, own: Mapping[Any, Any], row: Mapping[Any, Any]) -> list[str]:
    """Return the lines of a Markdown table with a row for each metric that was measured.

    own: the row of these weights. row: that of their recipe, whose means are a column if it has several
        replicates.
    """
    columns = {"this model": own}
    if row["replicates"] > 1:
        columns[f"mean of {row['replicates']} seeds"] = row
    lines = [
        f"| metric | unit | better | base | {' | '.join(columns)} |",
        f"| --- | --- | --- | ---: |{' ---: |' * len(columns)}",
    ]
    for metric in _measured(sweep, row):
        values = " | ".join(_value(values, metric.name) for values in columns.values())
        base = number(float(sweep.base[metric.name])) if metric.name in sweep.base else "–"
        better = f"nearer to {metric.ideal:g}" if metric.better == "nearer" else metric.better
        name = in_code(metric.name).replace("|", "\\|")  # which would end the cell
        name = f"**{name}**" if metric in sweep.goals else name
        lines.append(f"| {name} | {in_markdown(metric.unit)} | {better} | {base} | {values} |")
    return lines


def _value(row: Mapping[Any, Any], metric: str) -> str:
    """Return a metric of a row with half its interval; a dash if it was not measured."""
    if pd.isna(row[metric]):
        return "–"
    return " ".join(filter(None, [number(float(row[metric])), shown_error(row, metric, ".2g")]))


def _measured(sweep: Sweep, row: Mapping[Any, Any]) -> list[Metric]:
    """Return the metrics of which a row has a value, goals first."""
    declared = dict.fromkeys([*sweep.goals, *sweep.metrics.values()])
    return [metric for metric in declared if not pd.isna(row.get(metric.name, math.nan))]


def _front_matter(sweep: Sweep, row: Mapping[Any, Any]) -> str:
    """Return the YAML at the head of a model card: base model, data sets, results by data set."""
    task, _ = _task_and_loader(row)
    results: dict[str, list[dict[str, Any]]] = {}
    for metric in _measured(sweep, row):
        result = {"type": metric.name, "name": metric.about, "value": float(row[metric.name])}
        results.setdefault(parse(metric.name).dataset, []).append(result)
    data_sets = [row.get("alignment.data"), row.get("replay.data")]
    head = {
        "base_model": row.get("model.path"),
        "library_name": "transformers",
        "pipeline_tag": task,
        "datasets": sorted({str(name) for name in data_sets if not pd.isna(name)}),
        "tags": ["debiasing", "fairness", "equipoise"],
        "model-index": [
            {
                "name": f"{sweep.name}-{int(row['trial']):04d}",
                "results": [
                    {
                        "task": {"type": task},
                        "dataset": {"type": dataset, "name": dataset},
                        "metrics": metrics,
                    }
                    for dataset, metrics in results.items()
                ],
            }
        ],
    }
    return to_yaml(head, width=1000)


def _task_and_loader(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return the entry of TASKS for the family of a row's model; models are causal by default."""
    return TASKS[str(row.get("model.family", "causal"))]
