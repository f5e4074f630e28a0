"""The model card of a front's member: what it is, what was measured, how to load and repeat it.

The form is Hugging Face's: Markdown after YAML that says base model, data sets and results.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from analysis.record.reader import trial_yaml
from analysis.record.sweep import Candidate, Sweep
from analysis.views.words import number, recipe
from trainables.metrics.metric import Metric
from trainables.metrics.names import DEGENERATE, error_name, parse
from trainables.schema.yaml_text import to_yaml

# By the family of the trial's model: what it does, and the class that loads it.
TASKS = {
    "causal": ("text-generation", "AutoModelForCausalLM"),
    "masked": ("fill-mask", "AutoModelForMaskedLM"),
}
CARD = """\
# {title}

`{base}`, fine-tuned to have less social bias at the least cost to what it could do before: {recipe}.
It is one of {size} on the front of the sweep `{sweep}` ({candidates} candidates): none of them was
better in one of {goals} without being worse in another.{remarks}

## What was measured

{table}

± is the standard error over the items of a benchmark; a difference from the base of less than 2.8
standard errors of a single model may be noise. Metrics are `family/data set/quantity`.

## Use and limits

For research on bias and forgetting. A smaller number above is less of what that benchmark counts, in
its language and for its groups, and not the absence of bias: other biases, other languages and other
tasks were not measured. Members of a front are the best of many by these very numbers, so expect
somewhat less of them on other items. The licence is that of the base model and its data.

## How to load it

```python
from transformers import {loader}, AutoTokenizer

model = {loader}.from_pretrained("FOLDER")  # the one that this file is in
tokenizer = AutoTokenizer.from_pretrained("FOLDER")
```

## How to repeat it

With Equipoise{commit}, `python -m trainables run trial.yaml --save debiased` trains and measures it
again, from this `trial.yaml`:

```yaml
{yaml}```
"""


def card(sweep: Sweep, candidate: Candidate, /) -> str:
    """README.md for the folder of a member's weights.

    Raises ValueError for what is not on the front.
    """
    front = {Candidate.of(row): row for row in sweep.front().to_dict("records")}
    if candidate not in front:
        raise ValueError(f"{candidate} is not on the front of {sweep.name}, so it gets no card.")
    row = front[candidate]
    _, loader = _task(row)
    remarks = ""
    if row.get(DEGENERATE) == 1:
        remarks += (
            " **Its language collapsed past the guard: it is debiased because it is broken.**"
        )
    if sweep.dominated_by_base(row):
        remarks += " **The base model is at least as good in every goal.**"
    body = CARD.format(
        title=f"{sweep.name}-{candidate.trial:04d}",
        base=row.get("model.path", "the base model"),
        recipe=recipe(sweep, row) or "one recipe",
        size=len(front),
        sweep=sweep.name,
        candidates=len(sweep.candidates()),
        goals=", ".join(f"`{goal.name}`" for goal in sweep.goals),
        remarks=remarks,
        table="\n".join(_table(sweep, row)),
        loader=loader,
        commit=f" at commit {sweep.commit}" if sweep.commit else "",
        yaml=trial_yaml(sweep, candidate),
    )
    return f"---\n{_front_matter(sweep, row)}---\n\n{body}"


def _table(sweep: Sweep, row: Mapping[Any, Any]) -> list[str]:
    lines = ["| metric | unit | better | base | this model |", "| --- | --- | --- | ---: | ---: |"]
    for metric in _measured(sweep, row):
        se = row.get(error_name(metric.name), math.nan)
        value = number(float(row[metric.name])) + ("" if pd.isna(se) or se == 0 else f" ± {se:.2g}")
        base = number(float(sweep.base[metric.name])) if metric.name in sweep.base else "–"
        better = f"nearer to {metric.ideal:g}" if metric.better == "nearer" else metric.better
        name = f"**`{metric.name}`**" if metric in sweep.goals else f"`{metric.name}`"
        lines.append(f"| {name} | {metric.unit} | {better} | {base} | {value} |")
    return lines


def _measured(sweep: Sweep, row: Mapping[Any, Any]) -> list[Metric]:
    """What was measured of a member, goals first."""
    declared = dict.fromkeys([*sweep.goals, *sweep.metrics.values()])
    return [metric for metric in declared if not pd.isna(row.get(metric.name, math.nan))]


def _front_matter(sweep: Sweep, row: Mapping[Any, Any]) -> str:
    task, _ = _task(row)
    results: dict[str, list[dict[str, Any]]] = {}
    for metric in _measured(sweep, row):
        found = {"type": metric.name, "name": metric.about, "value": float(row[metric.name])}
        results.setdefault(parse(metric.name).dataset, []).append(found)
    data = [row.get("alignment.data"), row.get("replay.data")]
    head = {
        "base_model": row.get("model.path"),
        "library_name": "transformers",
        "pipeline_tag": task,
        "datasets": sorted({str(name) for name in data if not pd.isna(name)}),
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


def _task(row: Mapping[Any, Any]) -> tuple[str, str]:
    return TASKS[str(row.get("model.family", "causal"))]
