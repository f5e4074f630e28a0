"""The verb `measure`: the metrics of a model as it is."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainables.cli.evaluators_help import WithEvaluators
from trainables.cli.options import HarnessTasks, use_harness_tasks
from trainables.cli.output import fail, line, refuse, refuse_file, wrapped
from trainables.metrics.interval import MEANING, intervals

if TYPE_CHECKING:
    from trainables.config import Measurement
    from trainables.metrics.estimate import Estimate
    from trainables.metrics.metric import Metric

# 1.4 = √2: two models, each with its own error, at p = 0.05.
NOISE_FLOOR = (
    f"{MEANING}, over n items. Two models that differ by less than 1.4 times the number after ± may do "
    "so by chance, unless they are compared item by item (`sweep compare`), which sees smaller ones."
)

# What may stand in a value, such as an address, is no sign between two evaluators or settings.
BETWEEN_EVALUATORS = re.compile(r",(?=\s*\w+\s*(?:[:,]|$))")
BETWEEN_SETTINGS = re.compile(r":(?=\w+(?:=|$))")

app = typer.Typer()


@app.command(
    cls=WithEvaluators,
    epilog="Example: python -m trainables measure --model smollm2-135m --evaluators crows_pairs",
)
def measure(
    model: Annotated[str, typer.Option(help="catalogued name, folder, or OWNER/REPO on the Hub")],
    evaluators: Annotated[
        str,
        typer.Option(
            help="names with commas between, with settings as in multiple_choice:task=piqa:limit=100"
        ),
    ],
    family: Annotated[
        str | None, typer.Option(help="causal or masked; read from the model if left out")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="file for the values")] = None,
    items: Annotated[
        Path | None, typer.Option(help="Parquet file for the results of each item")
    ] = None,
    harness_tasks: HarnessTasks = None,
) -> None:
    """Measure a model as it is: a saved trial, or any other model of either family.

    Results are cached for the same weights, items and settings.
    """
    refuse_file("--json", as_json)
    refuse_file("--items", items)
    use_harness_tasks(harness_tasks)
    from trainables.assets.errors import AssetError
    from trainables.metrics import items_file

    estimates: dict[str, Estimate] = {}
    try:
        tree = _measurement_tree(model, family, evaluators)
        measurement = _validate(tree)
        declared = _declared(measurement)
        for new_estimates in _measure_each(measurement, declared):
            estimates |= new_estimates
            # After each evaluator, so that nothing is lost if the next one fails.
            if items is not None:
                items_file.write(estimates, items)
            if as_json is not None:
                as_json.write_text(_as_json(tree, estimates, declared))
    except (AssetError, ValueError) as error:
        if estimates:
            fail(str(error))
        refuse(str(error))  # as nothing was measured yet
    print(wrapped(_start(measurement) + NOISE_FLOOR), file=sys.stderr)
    if wrong := [name for name, e in estimates.items() if not math.isfinite(e.value)]:
        fail(f"the scores of {model} must be numbers, but those of {', '.join(wrong)} are none.")


def _measurement_tree(model: str, family: str | None, evaluators: str) -> dict[str, Any]:
    """Return the measurement that the options describe, as a tree that is not validated yet.

    Raises:
        AssetError, ValueError: the family is left out, and there is no such model.
    """
    if family is None:
        from trainables.models.pretrained import family_of

        family = family_of(model)
    return {
        "model": {"path": model, "family": family},
        "evaluators": [_evaluator(text) for text in BETWEEN_EVALUATORS.split(evaluators)],
    }


def _validate(tree: Mapping[str, Any]) -> Measurement:
    """Return a tree as a Measurement; exit with 2 and a sentence for each fault if it has any."""
    from pydantic import ValidationError

    from trainables.config import Measurement
    from trainables.metrics.names import RELATIVE
    from trainables.schema.faults import fault_sentences

    try:
        measurement = Measurement.model_validate(tree)
    except ValidationError as error:
        refuse(*fault_sentences(error, Measurement, tree))
    for number, evaluator in enumerate(measurement.evaluators):
        metrics = evaluator.metrics(measurement.model.family)
        if all(metric.name.endswith(RELATIVE) for metric in metrics):
            refuse(
                f"evaluators.{number} must measure a model alone, but {evaluator.name} is a change "
                "against the base model, which `run` and sweeps report."
            )
    return measurement


def _evaluator(text: str) -> dict[str, Any]:
    """Return one evaluator of the option --evaluators as a tree; exit with 2 if it is malformed.

    `multiple_choice:task=piqa:limit=100` is {name: multiple_choice, task: piqa, limit: 100}.
    """
    from ruamel.yaml.error import YAMLError

    from trainables.schema.plain_yaml import from_yaml

    name, *settings = BETWEEN_SETTINGS.split(text.strip())
    pairs = [setting.partition("=") for setting in settings]
    keys = ["name", *(key for key, _, _ in pairs)]
    if duplicate := next((key for key in keys if keys.count(key) > 1), None):
        refuse(f"--evaluators must give {duplicate} once, but got {text!r}.")
    try:
        return {"name": name, **{key: from_yaml(value) for key, _, value in pairs}}
    except YAMLError:
        refuse(f"--evaluators must be NAME or NAME:KEY=VALUE:…, but got {text!r}.")


def _declared(measurement: Measurement) -> dict[str, Metric]:
    """Return the metrics of all evaluators of a measurement by name."""
    family = measurement.model.family
    return {m.name: m for one in measurement.evaluators for m in one.metrics(family)}


def _measure_each(
    measurement: Measurement, declared: Mapping[str, Metric]
) -> Iterator[dict[str, Estimate]]:
    """Yield the estimates of each evaluator of a measurement, after printing a line for each metric.

    Raises:
        AssetError, ValueError: the model cannot be loaded, or the data do not fit an evaluator.
    """
    from trainables.measure import measure_alone
    from trainables.metrics.estimate import degrees_of_freedom, errors
    from trainables.models.loading import load

    settings = measurement.model
    model = load(settings.path, settings.family, settings.opening)
    for evaluator in measurement.evaluators:
        estimates = measure_alone(evaluator, model)
        se, df = errors(estimates), degrees_of_freedom(estimates)
        for name, estimate in estimates.items():
            num_items = len(estimate.items.names)
            error = se.get(name), df.get(name, math.inf)
            print(line(declared[name], estimate.value, *error, num_items), flush=True)
        yield estimates


def _start(measurement: Measurement) -> str:
    """Return what a causal model reads before a text, as a sentence and a blank; else an empty text."""
    from trainables.models.pretrained import start_sentence

    model = measurement.model
    if model.family != "causal":
        return ""
    sentence = start_sentence(model.path, model.opening)
    return f"{sentence[0].upper()}{sentence[1:]} "


def _as_json(
    tree: Mapping[str, Any], estimates: Mapping[str, Estimate], declared: Mapping[str, Metric]
) -> str:
    """Return JSON of a measurement: each metric's value, error, interval and number of items.

    A value that is not finite is null.
    """
    from trainables.metrics import estimate

    errors, df = estimate.errors(estimates), estimate.degrees_of_freedom(estimates)
    values = {name: e.value if math.isfinite(e.value) else None for name, e in estimates.items()}
    num_items = {name: len(e.items.names) for name, e in estimates.items() if e.items.names}
    results = {
        "model": tree["model"]["path"],
        "evaluators": tree["evaluators"],
        "values": values,
        "errors": errors,
        "df": df,
        "intervals": intervals(estimate.values(estimates), errors, df, declared),
        "items": num_items,
    }
    return json.dumps(results, indent=1)
