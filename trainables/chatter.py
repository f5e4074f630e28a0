"""What libraries say while they load a model, held back until it is known whether it can be loaded."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from logging.handlers import BufferingHandler

from trainables.schema.text.printable import printable

# In the table of transformers about weights without a place, of which leftovers.py has a sentence.
REPORT = "LOAD REPORT"


class _Held(BufferingHandler):
    """A handler that keeps every record but that with the table about weights."""

    def __init__(self) -> None:
        super().__init__(capacity=0)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a record."""
        if REPORT not in record.getMessage():
            super().emit(record)

    def shouldFlush(self, record: logging.LogRecord) -> bool:
        """Return False: nothing is dropped, however many records there are."""
        return False


@contextmanager
def held_back(*, for_good: bool = False) -> Iterator[None]:
    """Within the block, hold back the log of transformers and Python's warnings.

    After the block they are shown as ever, but for the table about weights without a place. If the
    block raises, they are dropped: the error is one sentence that says what is wrong, which a report of
    pages before it would hide. Blocks may nest.

    for_good: whether they are dropped in any case, as what is read here is read again by a later block.
    """
    import transformers  # noqa: F401 (sets up its log when it is imported)

    logger = logging.getLogger("transformers")
    # Transformers lets its log go on to the root's handlers where the variable CI is set.
    shown_by, goes_on, held = logger.handlers, logger.propagate, _Held()
    logger.handlers, logger.propagate = [held], False
    try:
        with warnings.catch_warnings(record=True) as warned:
            yield
    finally:
        logger.handlers, logger.propagate = shown_by, goes_on
    if for_good:
        return
    # They have names from files of the model.
    for record in held.buffer:
        record.msg, record.args = printable(record.getMessage()), None
        logger.handle(record)
    for warning in warned:
        warnings.warn_explicit(
            printable(str(warning.message)),
            warning.category,
            warning.filename,
            warning.lineno,
            source=warning.source,
        )


def tell_deepspeed_of_no_gpu() -> None:
    """Set DS_ACCELERATOR to cpu if there is no GPU, unless it is set; else DeepSpeed warns on stdout.

    To save a model of transformers is to import DeepSpeed, too.
    """
    import torch

    if not torch.cuda.is_available():
        os.environ.setdefault("DS_ACCELERATOR", "cpu")
