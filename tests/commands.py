"""The commands of a command line, those below others among them."""

from typing import Any

import typer.main


def commands_of(app: typer.Typer) -> dict[str, Any]:
    """Return every command by its words, as `queue` and `queue add`."""
    commands: dict[str, Any] = {}
    for name, command in typer.main.get_command(app).commands.items():
        commands[name] = command
        for below, inner in getattr(command, "commands", {}).items():
            commands[f"{name} {below}"] = inner
    return commands
