"""The verb `run`: one trial, from its YAML to a finished model."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trainables.cli.options import HarnessTasks, use_harness_tasks
from trainables.cli.output import fail, line, refuse, refuse_address, refuse_file
from trainables.cli.streams import encodable
from trainables.schema.text.printable import in_one_line

if TYPE_CHECKING:
    from trainables.config import TrialConfig
    from trainables.metrics.metric import Metric
    from trainables.report import Report

app = typer.Typer()


@app.command(epilog="Example: python -m trainables run trial.yaml --save debiased")
def run(
    trial: Annotated[Path, typer.Argument(help="trial.yaml, as `sweep front --out-dir` writes it")],
    save: Annotated[
        Path | None, typer.Option(help="folder for the finished model, as transformers loads it")
    ] = None,
    save_state: Annotated[
        bool,
        typer.Option("--save-state", help="write what --resume needs into that folder, too"),
    ] = False,
    resume: Annotated[
        Path | None, typer.Option(help="folder that --save and --save-state wrote")
    ] = None,
    as_json: Annotated[Path | None, typer.Option("--json", help="file for the reports")] = None,
    harness_tasks: HarnessTasks = None,
) -> None:
    """Run one trial and print its metrics at each report."""
    use_harness_tasks(harness_tasks)
    config = _read_trial(trial)
    if save is not None:
        _refuse_place(save, config)
    if save_state and save is None:
        refuse("--save-state must come with --save FOLDER, which it writes to.")
    refuse_file("--json", as_json)
    from trainables.assets.errors import AssetError
    from trainables.metrics.interval import intervals
    from trainables.report import fault
    from trainables.training import checkpoint
    from trainables.trial import run_trial

    declared = {metric.name: metric for metric in config.metrics()}
    reports: list[dict[str, Any]] = []
    started = time.monotonic()
    try:
        for report in run_trial(config, resume_from=resume):
            seconds = time.monotonic() - started
            print(f"step {report.step}/{config.train.last_step}, {seconds:.0f} s")
            _print_report(report, declared)
            if problem := fault(report, declared):
                fail(f"{problem}.")
            reports.append(
                {
                    "step": report.step,
                    "metrics": report.metrics,
                    "errors": dict(report.errors),
                    "df": dict(report.df),
                    "intervals": intervals(*(report.metrics, report.errors, report.df), declared),
                }
            )
            if as_json is not None:
                as_json.write_text(json.dumps(reports, indent=1))
            if save is not None and report.progress == 1:
                report.save_model(save)
                if save_state:
                    report.save_state(save)
                else:
                    checkpoint.delete(save)  # that of an earlier run is not of this model
                print(encodable(f"saved to {in_one_line(str(save))}"))
    except (AssetError, ValueError) as error:
        if reports:
            fail(str(error))
        refuse(str(error))  # as the trial did not begin


def _refuse_place(save: Path, config: TrialConfig) -> None:
    """Exit with 2 if the finished model cannot be, or must not be, written to this folder."""
    refuse_address("--save", save)
    if save.is_file():
        refuse(f"--save must be a folder, but {save} is a file.")
    base = Path(config.model.path)
    if save.is_dir() and base.is_dir() and save.samefile(base):
        refuse(
            f"--save must be another folder than that of the base model, {base}, which it would "
            "overwrite."
        )
    is_new = not save.exists()
    try:
        save.mkdir(parents=True, exist_ok=True)
        if is_new:
            save.rmdir()  # made again when there is something to save
    except OSError as error:
        refuse(f"--save must be a folder that can be made, but {save}: {error.strerror}.")


def _read_trial(path: Path) -> TrialConfig:
    """Return the trial in a YAML file; exit with 2 and its faults if it has any."""
    from trainables.config import TrialConfig
    from trainables.schema.yaml_file import SpecError, read, validate

    try:
        document = read(path)
        if "trial" in document.tree and "model" not in document.tree:
            refuse(
                f"{path}: must be the file of one trial, but is the spec of a sweep (it has the key "
                f"`trial`): `sweep run {path}` runs it."
            )
        return validate(TrialConfig, document)
    except SpecError as error:
        refuse(*error.sentences)


def _print_report(report: Report, declared: Mapping[str, Metric]) -> None:
    """Print a line for each metric of a report."""
    for name, value in report.metrics.items():
        error = report.errors.get(name), report.df.get(name, math.inf)
        print(f"  {line(declared[name], value, *error)}")
