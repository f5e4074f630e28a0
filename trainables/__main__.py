"""One trial, or one measurement, without Ray: `python -m trainables --help`."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from trainables.metrics.estimate import Estimate
    from trainables.metrics.metric import Metric

# 2.8 = 1.96 · √2: two models, each with its own error, at p = 0.05.
NOISE_FLOOR = (
    "± is the standard error over n items (?: too few to tell). Between two models a\n"
    "difference of less than 2.8 times it is noise, unless they are compared item by\n"
    "item (`sweep compare`), which sees smaller ones."
)

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_show_locals=False,
    help="Train and measure ONE model. `sweep` runs many.",
)


@app.command(epilog="Example: python -m trainables run trial.yaml --save debiased")
def run(
    trial: Annotated[Path, typer.Argument(help="trial.yaml, as `sweep front --out-dir` writes it")],
    save: Annotated[Path | None, typer.Option(help="folder for the finished model")] = None,
    resume: Annotated[Path | None, typer.Option(help="folder that an earlier --save wrote")] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="file for the reports")] = None,
) -> None:
    """Run one trial and print what it measures at each report."""
    from trainables.config import TrialConfig
    from trainables.schema.yaml_file import SpecError, read, validate

    try:
        config = validate(TrialConfig, read(trial))
    except SpecError as error:
        _refuse(str(error))
    if save is not None and save.is_file():
        _refuse(f"--save must be a folder, but {save} is a file.")
    _refuse_file("--json", as_json)
    from trainables.assets.errors import AssetError
    from trainables.report import fault
    from trainables.trial import run_trial

    declared = {metric.name: metric for metric in config.metrics()}
    reports: list[dict[str, Any]] = []
    started = time.monotonic()
    try:
        for report in run_trial(config, resume_from=resume):
            took = time.monotonic() - started
            print(f"step {report.step}/{config.train.steps}, {took:.0f} s")
            for name, value in report.metrics.items():
                print(f"  {_line(declared[name], value, report.errors.get(name))}")
            if problem := fault(report, declared):
                _fail(f"{problem}.")
            reports.append(
                {"step": report.step, "metrics": report.metrics, "errors": dict(report.errors)}
            )
            if as_json is not None:
                as_json.write_text(json.dumps(reports, indent=1))
            if save is not None and report.progress == 1:
                report.save_model(save)
                report.save_state(save)
                print(f"saved to {save}")
    except (AssetError, ValueError) as error:
        _fail(str(error))


@app.command(
    epilog="Example: python -m trainables measure --model smollm2-135m --evaluators crows_pairs"
)
def measure(
    model: Annotated[str, typer.Option(help="catalogued name, folder, or OWNER/REPO on the Hub")],
    evaluators: Annotated[
        str,
        typer.Option(
            help="a,b,… each a name, with settings as multiple_choice:task=piqa:limit=100"
        ),
    ],
    family: Annotated[
        str | None, typer.Option(help="causal or masked; found out if left out")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="file for the values")] = None,
    items: Annotated[
        Path | None, typer.Option(help="Parquet file for what is found item by item")
    ] = None,
) -> None:
    """Measure a model as it is; a saved trial or any other of its family.

    What was found is kept in the cache folder, for the same weights, items and settings.
    """
    _refuse_file("--json", as_json)
    _refuse_file("--items", items)
    from pydantic import ValidationError

    from trainables.assets.errors import AssetError
    from trainables.config import Measurement
    from trainables.metrics.names import RELATIVE
    from trainables.schema.faults import dotted, faults

    try:
        if family is None:
            from trainables.models.pretrained import family_of

            family = family_of(model) or "causal"
        tree = {
            "model": {"path": model, "family": family},
            "evaluators": [_evaluator(words) for words in evaluators.split(",")],
        }
        asked = Measurement.model_validate(tree)
    except ValidationError as error:
        _refuse(
            "\n".join(
                f"{dotted(fault.place)} {fault.sentence}".strip()
                for fault in faults(error, Measurement, tree)
            )
        )
    except (AssetError, ValueError) as error:
        _fail(str(error))
    for number, evaluator in enumerate(asked.evaluators):
        if all(metric.name.endswith(RELATIVE) for metric in evaluator.metrics(family)):
            _refuse(
                f"evaluators.{number} must measure a model alone, but {evaluator.name} is a change "
                "against the base model, which `run` and sweeps report."
            )
    from trainables.measure import measure_alone
    from trainables.metrics import estimate, items_file
    from trainables.models.loading import load

    everything: dict[str, estimate.Estimate] = {}
    try:
        loaded = load(asked.model.path, asked.model.family)
        for evaluator in asked.evaluators:
            found = measure_alone(evaluator, loaded)
            declared = {metric.name: metric for metric in evaluator.metrics(asked.model.family)}
            for name, measured in found.items():
                num = len(measured.items.names)
                print(_line(declared[name], measured.value, measured.se, num), flush=True)
            everything |= found
            # After each, so that nothing is lost if the next one fails.
            if items is not None:
                items_file.write(everything, items)
            if as_json is not None:
                as_json.write_text(_as_json(tree, everything))
    except (AssetError, ValueError) as error:
        _fail(str(error))
    print(NOISE_FLOOR, file=sys.stderr)
    if wrong := [name for name, each in everything.items() if not math.isfinite(each.value)]:
        _fail(f"the scores of {model} must be numbers, but those of {', '.join(wrong)} are none.")


def _as_json(tree: dict[str, Any], found: Mapping[str, Estimate]) -> str:
    """What was asked, and each metric's value, standard error and number of items."""
    from trainables.metrics import estimate

    values = {name: e.value if math.isfinite(e.value) else None for name, e in found.items()}
    num = {name: len(e.items.names) for name, e in found.items() if e.items.names}
    asked = {"model": tree["model"]["path"], "evaluators": tree["evaluators"]}
    said = {"values": values, "errors": estimate.errors(found), "items": num}
    return json.dumps(asked | said, indent=1)


def _line(metric: Metric, value: float, se: float | None, num_items: int = 0) -> str:
    """A value with its standard error, which is also how small a difference can be told from noise."""
    error = f"± {se:.4f}" if se is not None else "± ?" if num_items else ""
    items = f"n={num_items}" if num_items else ""
    return f"{metric.name:<40} {value:>10.4f} {error:<9} {metric.unit:<10} {items}".rstrip()


def _refuse_file(option: str, file: Path | None) -> None:
    if file is not None and (file.is_dir() or not file.absolute().parent.is_dir()):
        _refuse(f"{option} must be a file in a folder that exists, but got {file}.")


def _evaluator(words: str) -> dict[str, Any]:
    """`multiple_choice:task=piqa:limit=100` as {name: multiple_choice, task: piqa, limit: 100}."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    name, *settings = words.strip().split(":")
    pairs = [setting.partition("=") for setting in settings]
    keys = ["name", *(key for key, _, _ in pairs)]
    if twice := next((key for key in keys if keys.count(key) > 1), None):
        _refuse(f"--evaluators must give {twice} once, but got {words!r}.")
    yaml = YAML(typ="safe", pure=True)
    try:
        return {"name": name, **{key: yaml.load(value) for key, _, value in pairs}}
    except YAMLError:
        _refuse(f"--evaluators must be NAME or NAME:KEY=VALUE:…, but got {words!r}.")


def _refuse(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(2)


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    raise SystemExit(1)


def main() -> None:
    try:
        app(prog_name="python -m trainables")
    except ModuleNotFoundError as error:
        if error.name in ("torch", "transformers", "datasets", "deepspeed"):
            _fail(f"this needs {error.name}: `pip install -e '.[train]'` brings it.")
        raise


if __name__ == "__main__":
    main()
