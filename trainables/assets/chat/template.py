"""Write a chat by the template of a model's folder, which is a program of others, within bounds.

A template can loop without end or double a text until no memory is left, and Jinja bounds neither. So
one is only ever written in a process of its own. What that has written is what is used, as a template
that chooses at random, or by the clock, need not write the same twice.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from trainables.schema.text.masking import masked

PROCESS = Path(__file__).with_name("process.py")
MAX_SECONDS = 1.0  # of a processor
MAX_BYTES = 256 * 2**20  # beyond what Jinja takes
MAX_CHARS = 100_000  # of what is written
# Until the process is given up, where the platform bounds neither of the two, or waits for a disk.
TIMEOUT_S = 60


class Unwritable(ValueError):
    """A template is no Jinja, or refuses the turns; the message is its reason, on one line."""


class TooCostly(ValueError):
    """A template takes more than it may; the message is a sentence."""


def written_chat(
    template: str,
    turns: Sequence[Mapping[str, str]],
    special_tokens: Mapping[str, Any],
    *,
    answer_follows: bool,
) -> str:
    """Return the text of a chat as transformers writes it; the process remembers the last ones.

    turns: each with its role and content.
    special_tokens: name -> text, which the template may use.
    answer_follows: whether the beginning of the model's answer is written, too.

    Raises:
        Unwritable: the template cannot write these turns.
        TooCostly: it takes more than a second or 256 MiB, or writes more than 100,000 characters.
    """
    chat = [template, list(turns), dict(special_tokens), answer_follows]
    reply = json.loads(_reply(json.dumps([*chat, MAX_SECONDS, MAX_BYTES, MAX_CHARS])))
    if "excess" in reply:
        raise TooCostly(
            f"the chat template must write its turns within {MAX_SECONDS:g} s, {MAX_BYTES >> 20} MiB "
            f"and {MAX_CHARS} characters, but takes {reply['excess']}: take it out of the model's "
            f"folder, or give another model."
        )
    if "reason" in reply:
        raise Unwritable(reply["reason"])
    return str(reply["text"])


@lru_cache(maxsize=64)
def _reply(order: str) -> str:
    """Return what the process of its own answers to an order, both JSON.

    Raises:
        RuntimeError: it cannot run at all, as where a library is missing.
    """
    # -P: libraries are not looked for in the folder of the script.
    command = [sys.executable, "-P", str(PROCESS)]
    try:
        done = subprocess.run(
            command, input=order, capture_output=True, encoding="utf-8", errors="replace",
            timeout=TIMEOUT_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return json.dumps({"excess": f"more than {TIMEOUT_S} s"})
    if done.returncode < 0:  # by a signal: that of the timer, or that of a library without memory
        return json.dumps({"excess": "more time or memory"})
    if done.returncode > 0:
        # Masked before it is cut: half of a secret would not be known as one.
        reason = masked(done.stderr[-10_000:].strip())[-300:]
        raise RuntimeError(f"no chat template can be written: {reason}")
    return done.stdout
