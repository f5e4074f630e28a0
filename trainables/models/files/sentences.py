"""Sentences about the files of a model's folder, on one line and of bounded length."""

from __future__ import annotations

from pathlib import Path

from trainables.schema.text.shown import as_word

LONGEST_REASON = 300


def unloadable(folder: Path, reason: object) -> ValueError:
    """Return the error for a folder that cannot be read as a model, with the reason in one line."""
    words = " ".join(str(reason).split()) or type(reason).__name__
    return ValueError(
        f"{folder} must hold a model that transformers can load, but: "
        f"{as_word(words, LONGEST_REASON)}"
    )


def failed(folder: Path, what: str, error: Exception, remedy: str) -> ValueError:
    """Return the error for a folder with which transformers has failed.

    what: was not possible, as a clause.
    remedy: what would help. Where the folder needs code of its own nothing does, as none is run.
    """
    words = " ".join(str(error).split())
    # transformers has no kind for this error: it is a ValueError whose text names the setting.
    if "trust_remote_code" in words:
        return unloadable(
            folder, f"{what} without code of its own, which is never run: give another model"
        )
    kind = type(error).__name__
    return unloadable(
        folder, f"{what} ({as_word(f'{kind}: {words}', LONGEST_REASON // 2)}): {remedy}"
    )
