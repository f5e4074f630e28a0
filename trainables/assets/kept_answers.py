"""What is known of a folder, such as that of a model, in plain values that the cache keeps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from trainables.assets import cache
from trainables.schema.plain_json import from_json

ANSWER = "found.json"  # in an entry of the cache folder


def kept_answer(
    kind: str, folder: Path, asked: Sequence[str | None], find: Callable[[str], Any]
) -> Any:
    """Return what is found of a folder, from the cache if it was found before.

    Args:
        kind: what it is, for its name in the cache.
        asked: what it depends on beside the contents of the folder, with the code that finds it.
        find: finds it, as a value of JSON, given the digest of the folder.

    Raises:
        ValueError: the folder has changed while it was read.
        Exception: any error of `find`.
    """
    digest = cache.digest(folder)

    def write(target: Path) -> None:
        with cache.unchanged_while_read(digest, str(folder), lambda: cache.digest(folder)):
            found = find(digest)
        (target / ANSWER).write_text(json.dumps(found), encoding="utf-8")

    name = hashlib.sha256(json.dumps([digest, *asked]).encode()).hexdigest()[:32]
    return from_json((cache.once(f"models/{kind}-{name}", write) / ANSWER).read_bytes())
