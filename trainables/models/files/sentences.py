"""Sentences about the files of a model's folder, on one line and of bounded length."""

from __future__ import annotations

from pathlib import Path

from trainables.schema.text.printable import visible

LONGEST_REASON = 300


def unloadable(folder: Path, reason: object) -> ValueError:
    """Return the error for a folder that cannot be read as a model, with the reason in one line."""
    words = " ".join(visible(str(reason)).split()) or type(reason).__name__
    return ValueError(
        f"{folder} must hold a model that transformers can load, but: {words[:LONGEST_REASON]}"
    )
