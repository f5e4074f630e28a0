"""Standard streams to which printing never fails: any encoding, a closed pipe, a full disk.

A trial that runs for hours must not end because its progress cannot be shown, and a command has the
same exit code wherever its output goes.
"""

from __future__ import annotations

import codecs
import errno
import io
import logging
import os
import sys
import unicodedata
import warnings

from trainables.schema.text.printable import printable, visible

NAME = "equipoise.shown"  # of the error handler among Python's codecs

# What stands for characters that a terminal without Unicode cannot show.
PLAIN = {
    "±": "+/-", "−": "-", "–": "-", "—": "-", "…": "...", "·": "*", "×": "x", "≤": "<=", "≥": ">=",
    "→": "->", "←": "<-", "↑": "^", "↓": "v", "─": "-", "━": "=", "│": "|", "┃": "|", "•": "*",
    "≈": "~", "Δ": "Delta", "‖": "||", "‹": "<", "›": ">", "θ": "theta", "©": "(c)",
    "α": "alpha", "λ": "lambda", "σ": "sigma", "Σ": "sum", "√": "sqrt", "‘": "'", "’": "'",
    "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"', "‚": "'", "‛": "'",
}  # fmt: skip


def plain(character: str) -> str:
    """Return a character in ASCII: its stand-in, else the letter without its accents, else `?`.

    >>> "".join(map(plain, "1.2 ± 0.3 → Menéndez ☃"))
    '1.2 +/- 0.3 -> Menendez ?'
    """
    if character in PLAIN:
        return PLAIN[character]
    letters = unicodedata.normalize("NFKD", character).encode("ascii", "ignore").decode()
    return letters or "?"


def encodable(text: str, encoding: str | None = None) -> str:
    """Return a text as a stream can show it, with stand-ins for what it cannot or must not show.

    It is for text whose columns are counted, as a stand-in may be longer, and for libraries that write
    UTF-8 to an ASCII terminal past its stream, as typer's help does.

    encoding: of the stream; that of the standard output if left out.
    """
    encoding = encoding or getattr(sys.stdout, "encoding", None) or "utf-8"
    codecs.register_error(NAME, _replace)
    return visible(text).encode(encoding, NAME).decode(encoding)


def _replace(error: UnicodeError) -> tuple[str, int]:
    """Return the ASCII text for what cannot be encoded, and where to go on: a handler for codecs.

    Raises:
        UnicodeError: the error given, if it is none of encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(map(plain, error.object[error.start : error.end])), error.end


def say(sentence: str) -> None:
    """Print a sentence to the standard error, without secrets, control characters and undue length."""
    print(printable(sentence), file=sys.stderr)


class ShownFormatter(logging.Formatter):
    """Gives what is logged as `say` prints it: it may hold the words of a store or a library."""

    def format(self, record: logging.LogRecord) -> str:
        """Return what is shown of a record."""
        return printable(super().format(record))


class Stream(io.TextIOWrapper):
    """A text stream over a file descriptor, to which writing never fails.

    At the first error the descriptor is turned to the null device, so that child processes and the end
    of the interpreter meet no error either. A reader that has gone (`| head`) is nothing to report;
    any other reason is printed to the standard error once.
    """

    def write(self, text: str) -> int:
        """Write a text, or drop it if that fails, and return its number of characters."""
        try:
            return super().write(text)
        except OSError as error:
            self._give_up(error)
        return len(text)

    def flush(self) -> None:
        """Write what is buffered, or drop it if that fails."""
        try:
            super().flush()
        except OSError as error:
            self._give_up(error)

    def _give_up(self, error: OSError) -> None:
        """Turn the descriptor to the null device, and print why unless its reader has gone."""
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)
        if error.errno != errno.EPIPE and self is not sys.stderr and sys.stderr is not None:
            print(f"the output cannot be written: {error.strerror}.", file=sys.stderr)


def _warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> str:
    """Return a warning of a library as it is printed: it may have names from elsewhere."""
    return f"{category.__name__}: {printable(str(message))}\n"


def make_safe() -> None:
    """Make the standard streams of this process such that printing to them never fails.

    What is logged, or warned of by a library, is shown as `say` shows it.

    Descriptors that are closed are turned to the null device: the next file that is opened would take
    their number, and get what child processes print. A pipe that does not block, which loses what
    its reader is too slow for, is made to block.
    """
    for descriptor in (0, 1, 2):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(
                os.devnull, os.O_RDWR
            )  # takes the lowest number that is free, which is this one
        os.set_blocking(descriptor, True)
    codecs.register_error(NAME, _replace)
    if logging.lastResort:  # which prints what no other handler takes
        logging.lastResort.setFormatter(ShownFormatter())
    warnings.formatwarning = _warning
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        stream = getattr(sys, name)
        if stream is None:  # it was closed, and printing to it must be possible all the same
            file = io.BufferedWriter(io.FileIO(descriptor, "wb", closefd=False))
            safe = Stream(file, encoding="utf-8", errors=NAME)
        elif type(stream) is io.TextIOWrapper:
            encoding, buffers_lines = stream.encoding, stream.line_buffering
            is_unbuffered = stream.write_through  # by PYTHONUNBUFFERED
            stream.flush()
            safe = Stream(
                stream.detach(),
                encoding=encoding,
                errors=NAME,
                line_buffering=buffers_lines,
                write_through=is_unbuffered,
            )
        else:  # another one, within a test
            continue
        setattr(sys, name, safe)
        setattr(sys, f"__{name}__", safe)  # which libraries write to when they want no capturing
