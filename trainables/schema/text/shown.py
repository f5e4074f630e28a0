"""Values, keys and names from elsewhere, as they stand in a sentence: in one line, in short."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from trainables.schema.text.addresses import HIDDEN
from trainables.schema.text.masking import (
    LONGEST_SECRET,
    masked,
    masked_head,
)
from trainables.schema.text.printable import in_one_line, shortened
from trainables.schema.text.secrets.names import is_secret

MAX_VALUE = 80  # characters of a value, a key or a name in a sentence
MAX_NAME = 300  # characters of what may be a path


def as_value(value: Any, most: int = MAX_VALUE) -> str:
    """Return a plain value as it stands in a sentence: its repr, of at most so many characters.

    Of a long value no more is written out than is shown.

    >>> as_value({"lr": [1, "a"]}), as_value([0] * 10**6, 10)
    ("{'lr': [1, 'a']}", '[0, 0, 0,…')
    """
    text = ""
    for piece in _pieces(value, most):
        text += piece
        if len(text) > most:
            return f"{text[: most - 1]}…"
    return text


def as_word(name: object, most: int = MAX_VALUE) -> str:
    r"""Return a key or a name as it stands in a sentence: in one line, of at most so many characters.

    >>> as_word("a\nb\u202e")
    'a\\nb\\u202e'
    """
    text = str(name)
    whole = masked(text) if len(text) <= LONGEST_SECRET else masked_head(text, most - 1) + "…"
    return in_one_line(shortened(whole, most))


def first_line(error: BaseException) -> str:
    """Return the first line of the text of an error, or its kind if it has none.

    >>> first_line(OSError("no such host\\nat …")), first_line(TimeoutError())
    ('no such host', 'TimeoutError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)


def kind_and_line(error: BaseException) -> str:
    """Return the kind of an error and the first line of its text; the kind alone if it has none.

    >>> kind_and_line(OSError("no such host\\nat …")), kind_and_line(TimeoutError())
    ('OSError: no such host', 'TimeoutError')
    """
    line, kind = first_line(error), type(error).__name__
    return f"{kind}: {line}" if line != kind else kind


def _pieces(value: Any, most: int) -> Iterator[str]:
    """Yield the parts of the repr of a plain value, in order."""
    if isinstance(value, Mapping):
        yield "{"
        for number, (key, below) in enumerate(value.items()):
            yield ", " * (number > 0)
            yield from _pieces(key, most)
            yield ": "
            can_be_secret = below is not None and not isinstance(below, bool)
            is_hidden = can_be_secret and isinstance(key, str) and is_secret(key)
            yield from [repr(HIDDEN)] if is_hidden else _pieces(below, most)
        yield "}"
    elif isinstance(value, list | tuple):
        yield "["
        for number, below in enumerate(value):
            yield ", " * (number > 0)
            yield from _pieces(below, most)
        yield "]"
    else:
        yield repr(masked_head(value, most + 1) if isinstance(value, str) else value)
