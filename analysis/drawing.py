"""Draw fronts in a process of its own, as often as it is asked: `python -m analysis.drawing`.

A driver that drew them itself would keep what reading all trials takes, and not hear its workers
meanwhile.

stdin: a line of JSON for each front: sweep, tracking_uri, runs_url and the folder for its files.
stdout: a line of JSON for each: headline, table, members (numbers of trials), or the reason why there
    is no front; and what was logged.

It ends when stdin does, even while it draws.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from analysis.record import reader
from analysis.views import export, front_files, front_words


def answer(sweep: str, tracking_uri: str, runs_url: str, folder: str) -> dict[str, Any]:
    """Draw a front into a folder; return its headline, its table in Markdown and its members.

    Raises:
        ValueError: the store cannot be used, or has no such sweep.
        OSError: the folder cannot be written.
    """
    read = reader.read_sweep(sweep, tracking_uri=tracking_uri)
    export.draw(read, Path(folder))
    return {
        "headline": front_words.headline(read),
        "table": front_files.to_markdown(read, runs_url=runs_url),
        "members": sorted(read.trials_on_front()),
    }


class _Messages(logging.Handler):
    """Keeps what is logged, until it is taken."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._messages: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self._messages.append(record.getMessage())

    def taken(self) -> list[str]:
        """Return the messages since the last call."""
        messages, self._messages = self._messages, []
        return messages


def main() -> None:
    """Answer the lines of stdin, one after the other."""
    messages, orders = _Messages(), queue.SimpleQueue[str]()
    logging.getLogger().addHandler(messages)
    threading.Thread(target=_read_stdin, args=(orders,), daemon=True).start()
    while True:
        order = json.loads(orders.get())
        try:
            with redirect_stdout(sys.stderr):  # a line of a library would be taken for a reply
                reply = answer(**order)
        except Exception as error:  # of the store, of a plotting library: who asked says it
            reply = {"reason": f"{type(error).__name__}: {error}"}
        print(json.dumps(reply | {"logged": messages.taken()}), flush=True)


def _read_stdin(orders: queue.SimpleQueue[str]) -> None:
    """Pass on the lines of stdin, and end this process behind the last one."""
    for line in sys.stdin:
        orders.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
