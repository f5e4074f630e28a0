"""The command line, put together from the verbs.

Each verb imports heavy libraries inside its function, so that `sweep --help` and the faults of a spec
are printed at once.
"""

from __future__ import annotations

import sys
from contextlib import suppress

import typer

from sweep.cli import control, metrics, rerun, run, ui
from sweep.cli.answers import compare, front, ls
from sweep.cli.cluster_verbs import jobs, queue, submit, use
from sweep.cli.options import FAILED, INTERRUPTED, WRONG, leave, store_in_use
from sweep.cli.planning import plan
from sweep.driver.interrupts import end_at_once, raising_ctrl_c
from sweep.tracking.store import errors as store_errors
from sweep.tracking.whole_file import DamagedFile
from trainables.cli.streams import make_safe
from trainables.cli.verbs import Verbs

# Import names of libraries, by the optional part of the project that installs them; of several parts
# the smallest. Libraries that another one of them brings along are listed too.
LIBRARIES = {
    "analysis": "matplotlib mlflow moocore pandas pyarrow scipy sqlalchemy",
    "sweep": "fsspec grpc optuna psutil pynvml ray requests",
    "train": "accelerate datasets deepspeed gguf huggingface_hub peft safetensors sklearn tokenizers "
    "torch tqdm transformers",
    "s3": "boto3 s3fs",
    "postgresql": "psycopg",
    "harness": "evaluate jinja2 lm_eval rouge_score sacrebleu word2number",
}
PARTS = {library: part for part, names in LIBRARIES.items() for library in names.split()}


class SweepVerbs(Verbs):
    """The verbs of `sweep`, in each of which an error of the tracking store is one sentence."""

    def end_of(self, error: Exception) -> tuple[int, str] | None:
        """Return (exit code, sentence) for an error of the store or of a file; None for a defect."""
        if isinstance(error, DamagedFile):
            return WRONG, str(error)
        if store_errors.is_of_store(error):
            return WRONG, store_errors.sentence(error, store_in_use.get())
        if isinstance(error, ValueError):  # else the library that is missing may be one of these
            from analysis.record.mlflow_client import OtherContent

            if isinstance(error, OtherContent):
                return WRONG, str(error)
        return super().end_of(error)


app = typer.Typer(
    cls=SweepVerbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Find the debiasing recipe that forgets least: train many variants of a model, measure each, "
    "and get the Pareto-optimal recipes.",
    epilog="Example: sweep run sweep/specs/miniature.yaml && sweep front miniature",
)

for verbs in (
    run,
    plan,
    metrics,
    ls,
    front,
    compare,
    rerun,
    ui,
    use,
    submit,
    jobs,
    queue,
    control,
):  # in the order of --help
    app.add_typer(verbs.app)


def main() -> None:
    """Run the verb that the process was called with.

    Raises:
        SystemExit: with the exit code of the verb; 1 if a library that it needs is not installed.
    """
    make_safe()
    codes: list[int] = []
    end_at_once(lambda: codes[-1] if codes else INTERRUPTED)
    try:
        with raising_ctrl_c():
            try:
                app(prog_name="sweep")
            except SystemExit as end:
                for stream in (sys.stdout, sys.stderr):
                    with suppress(OSError, ValueError):  # nobody reads it any more
                        stream.flush()
                codes.append(end.code if isinstance(end.code, int) else int(end.code is not None))
                raise
    except ModuleNotFoundError as error:
        part = PARTS.get((error.name or "").split(".")[0])
        if part is None:
            raise
        leave(FAILED, f"this needs {error.name}: `pip install -e '.[{part}]'` brings it.")
    except KeyboardInterrupt:  # before the verb has begun
        raise SystemExit(INTERRUPTED) from None
