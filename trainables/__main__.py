"""The command line for one model: `python -m trainables run | measure`, without Ray."""

from __future__ import annotations

import signal

import typer

from trainables.cli import measure, run
from trainables.cli.output import fail
from trainables.cli.streams import make_safe
from trainables.cli.verbs import Verbs

app = typer.Typer(
    cls=Verbs,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Train and measure ONE model. `sweep` runs many.",
)
for verb in (run, measure):  # in the order of --help
    app.add_typer(verb.app)


def main() -> None:
    """Run the command line; exit with 1 and a sentence if a package for training is not installed.

    SIGTERM and SIGHUP end it as Ctrl-C does, with 130 and a word.
    """
    make_safe()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as it is under nohup
            signal.signal(number, signal.default_int_handler)
    try:
        app(prog_name="python -m trainables")
    except ModuleNotFoundError as error:
        if error.name in ("torch", "transformers", "datasets", "deepspeed"):
            fail(f"this needs {error.name}: `pip install -e '.[train]'` brings it.")
        raise


if __name__ == "__main__":
    main()
