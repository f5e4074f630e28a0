"""The command line: `sweep --help`.

Verbs import what they need inside, so that help and the faults of a spec come at once.
"""

from __future__ import annotations

import typer

from sweep.cli import control, remote, results, run
from sweep.cli.options import FAILED, leave

# What is not installed everywhere, and the part of the project that brings it.
PARTS = {"ray": "sweep", "optuna": "sweep", "mlflow": "analysis", "moocore": "analysis"}
PARTS |= {"matplotlib": "analysis", "plotly": "analysis", "torch": "train", "deepspeed": "train"}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the debiasing recipe that forgets least: sweeps over real trials, their "
    "Pareto-optimal configurations in hand.",
    epilog="Example: sweep run sweep/specs/miniature.yaml && sweep front miniature",
)

for verbs in (run, results, remote, control):  # in the order of --help
    app.add_typer(verbs.app)


def main() -> None:
    try:
        app(prog_name="sweep")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in PARTS:
            raise
        part = PARTS[(error.name or "").split(".")[0]]
        leave(FAILED, f"this needs {error.name}: `pip install -e '.[{part}]'` brings it.")
