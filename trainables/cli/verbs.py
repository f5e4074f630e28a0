"""What all verbs of a command line share: each fault of the command is one sentence."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError
from typer import TyperException
from typer.core import TyperGroup

from trainables.cli.environment import environment_faults
from trainables.cli.streams import say
from trainables.data.files.row import HALF_CHARACTER
from trainables.schema.causes import causes
from trainables.schema.text.shown import MAX_NAME, as_word

DONE, FAILED, WRONG, INTERRUPTED = 0, 1, 2, 130
INTERRUPT = "interrupted."


class Verbs(TyperGroup):
    """The verbs of a command line, to whose faults typer would give a box of several lines."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run the verb that the arguments name, and end the process; see TyperGroup for the arguments.

        Raises:
            SystemExit: with the exit code of the verb; 2 and a sentence if the command is wrong, 1 and
                a sentence if a file cannot be read or written; 130 at Ctrl-C.
        """
        try:
            os.getcwd()
        except OSError:
            print(
                "the command must run in a folder, but that one has been deleted: change into another.",
                file=sys.stderr,
            )
            raise SystemExit(WRONG) from None
        given = list(sys.argv[1:] if args is None else args)
        # What Python makes of bytes that are no text.
        if broken := [word for word in given if HALF_CHARACTER.search(word)]:
            say(_of_no_text(broken[0]))
            raise SystemExit(WRONG)
        wants_help = not given or not {"-h", "--help"}.isdisjoint(given)
        if not wants_help and (faults := environment_faults()):
            say("\n".join(faults))
            raise SystemExit(WRONG)
        try:
            code = super().main(args, prog_name, complete_var, False, windows_expand_args, **extra)
        except TyperException as error:
            if not standalone_mode:
                raise
            say(usage_sentence(error, prog_name or "sweep"))
            raise SystemExit(error.exit_code) from error
        except Exception as error:
            # Python makes an error of one that comes while a class is made, as libraries are read.
            is_interrupt = any(isinstance(link, KeyboardInterrupt) for link in causes(error))
            end = (INTERRUPTED, INTERRUPT) if is_interrupt else self.end_of(error)
            if end is None:
                raise
            say(end[1])
            raise SystemExit(end[0]) from error
        if code == INTERRUPTED:  # as typer has it for Ctrl-C
            say(INTERRUPT)
        if not standalone_mode:
            return code
        raise SystemExit(code if isinstance(code, int) else DONE)

    def end_of(self, error: Exception) -> tuple[int, str] | None:
        """Return (exit code, sentence) for an error that is none of ours; None for a defect."""
        return (FAILED, file_sentence(error)) if isinstance(error, OSError) else None


def _of_no_text(word: str) -> str:
    """Return a sentence for an argument in which Python found bytes that are no text."""
    try:
        text = os.fsencode(word).decode()
    except UnicodeError:
        return f"the command must be text in UTF-8, but has {word!r}."
    return (
        f"the locale must be one of UTF-8 for a command with {text!r}, but is another: set "
        "LC_ALL=C.UTF-8, and leave PYTHONUTF8 alone."
    )


def usage_sentence(error: TyperException, program: str) -> str:
    """Return one sentence for a command that is wrong, or the help if it has no verb.

    program: the name of the command line.
    """
    message = error.format_message()
    if "\n" in message or not message:  # the help, which may have been printed
        return message.rstrip()
    context, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    name = ""
    if parameter is not None:
        is_option = parameter.param_type_name == "option"
        name = parameter.opts[0] if is_option else parameter.metavar or parameter.name.upper()
        name = name.strip("[]…")
    given = _given(error)
    got = f", but got {given!r}" if given is not None else ""
    if choice := re.search(r"'.*' is not one of (.*?)\.?$", error.message):
        sentence = f"{name} must be one of {choice[1].replace(chr(39), '')}{got}"
    elif kind := re.search(r"valid (integer|number)", error.message):
        number = "a whole number" if kind[1] == "integer" else "a number"
        sentence = f"{name} must be {number}{got}"
    elif bound := re.search(r"(greater|less) than or equal to (\d+)", error.message):
        sentence = (
            f"{name} must be at {'least' if bound[1] == 'greater' else 'most'} {bound[2]}{got}"
        )
    elif type(error).__name__ == "MissingParameter":
        sentence = f"{name} must be given"
    else:
        sentence = message.rstrip(".")
        sentence = sentence[:1].lower() + sentence[1:]
    command = context.command_path if context is not None else program
    if sentence.endswith("?"):
        return f"{sentence} `{command} --help` shows what can be given."
    return f"{sentence}; `{command} --help` shows what can be given."


def _given(error: BaseException | None) -> object:
    """Return the value that pydantic, by which typer reads options, has refused; None if unknown."""
    links = causes(error) if error is not None else ()
    refusals = (link for link in links if isinstance(link, ValidationError))
    return next((refusal.errors()[0]["input"] for refusal in refusals), None)


def file_sentence(error: OSError) -> str:
    """Return one sentence for a file or folder that cannot be read or written."""
    where = f"{as_word(error.filename, MAX_NAME)}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}."
