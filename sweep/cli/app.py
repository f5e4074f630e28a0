"""The command line, put together from the verbs.

Each verb imports heavy libraries inside its function, so that `sweep --help` and the faults of a spec
are printed at once.
"""

from __future__ import annotations

import typer

from sweep.cli import control, metrics, remote, results, run, ui
from sweep.cli.options import FAILED, leave

# Import names of libraries, by the optional part of the project that installs them; of several parts
# the smallest. Libraries that another one of them brings along are listed too.
LIBRARIES = {
    "analysis": "matplotlib mlflow moocore pandas plotly pyarrow scipy sqlalchemy",
    "sweep": "fsspec optuna pynvml ray",
    "train": "accelerate datasets deepspeed gguf huggingface_hub peft safetensors sklearn tokenizers "
    "torch tqdm transformers",
    "s3": "boto3 s3fs",
    "postgresql": "psycopg",
}
PARTS = {library: part for part, names in LIBRARIES.items() for library in names.split()}

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the debiasing recipe that forgets least: train many variants of a model, measure each, "
    "and get the Pareto-optimal recipes.",
    epilog="Example: sweep run sweep/specs/miniature.yaml && sweep front miniature",
)

for verbs in (run, metrics, results, ui, remote, control):  # in the order of --help
    app.add_typer(verbs.app)


def main() -> None:
    """Run the verb that the process was called with.

    Raises:
        SystemExit: with the exit code of the verb; 1 if a library that it needs is not installed.
    """
    try:
        app(prog_name="sweep")
    except ModuleNotFoundError as error:
        part = PARTS.get((error.name or "").split(".")[0])
        if part is None:
            raise
        leave(FAILED, f"this needs {error.name}: `pip install -e '.[{part}]'` brings it.")
