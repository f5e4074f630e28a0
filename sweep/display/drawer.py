"""Have fronts drawn by a process of its own, which keeps what it has read for the next one."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

from sweep.display.description import DrawnFront

log = logging.getLogger(__name__)

MODULE = "analysis.drawing"


class Drawer:
    """A context manager that draws fronts of a sweep, as MLflow has it, while it is open.

    Its process starts with the first front, and ends when the drawer closes or this process ends.
    """

    def __init__(self, sweep: str, tracking_uri: str, runs_url: str) -> None:
        """Draw nothing yet. runs_url: where MLflow shows the runs, to which the table links."""
        self._order = {"sweep": sweep, "tracking_uri": tracking_uri, "runs_url": runs_url}
        self._name = sweep
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Return the drawer."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process, even while it draws."""
        if self._process:
            self._process.kill()
            self._process.communicate()

    def draw(self, folder: Path) -> DrawnFront:
        """Draw the front of the sweep into a folder; return it in words.

        Raises:
            RuntimeError: it cannot be drawn; the message is the reason.
        """
        reply = self._reply(json.dumps(self._order | {"folder": str(folder)}))
        for message in reply["logged"]:
            log.warning("%s", message)
        if "reason" in reply:
            raise RuntimeError(reply["reason"])
        # MLflow shows the name of the sweep above the headline.
        headline = reply["headline"].removeprefix(f"{self._name}: ")
        return DrawnFront(headline, reply["table"], frozenset(reply["members"]))

    def _reply(self, order: str) -> dict[str, Any]:
        """Return what the process answers to an order. One that has ended is started anew."""
        if self._process is None or self._process.poll() is not None:
            self._process = _started()
        line = ""
        with suppress(OSError, ValueError):  # it has ended, or the drawer is closed meanwhile
            print(order, file=self._process.stdin, flush=True)
            line = next(self._process.stdout or iter(()), "")
        if not line:
            raise RuntimeError(f"its process ended ({self._process.wait()})")
        reply: dict[str, Any] = json.loads(line)
        return reply


def _started() -> subprocess.Popen[str]:
    """Return a process that draws, which a Ctrl-C in the terminal does not reach.

    It is told the address of the store by its stdin, as that may hold a password.
    """
    return subprocess.Popen(
        [sys.executable, "-P", "-m", MODULE],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, encoding="utf-8", start_new_session=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )  # fmt: skip
