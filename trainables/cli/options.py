"""The option that all verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from trainables.cli.output import refuse

HarnessTasks = Annotated[
    Path | None,
    typer.Option(help="folder of your own tasks of lm-evaluation-harness; their code is run"),
]


def use_harness_tasks(folder: Path | None) -> None:
    """Let tasks be found in this folder, too, if one is given; exit with 2 if it is none."""
    from trainables.harness import folder as tasks_folder

    try:
        if folder is not None:
            tasks_folder.use(folder)
    except ValueError as error:
        refuse(str(error))
