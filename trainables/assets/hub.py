"""Fetch the folder of a model from the Hugging Face Hub: weights in safetensors and no code."""

from __future__ import annotations

import functools
import shutil
import threading
from contextlib import suppress
from pathlib import Path

from trainables.assets.cache import once
from trainables.assets.errors import AssetError, Unavailable
from trainables.assets.safe_files import SAFE_FILES, refuse_pickles


def fetch_from_hub(repository: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    fetch = functools.partial(
        snapshot_download, repository, allow_patterns=SAFE_FILES, ignore_patterns=["*/*"]
    )

    def build(folder: Path) -> None:
        if problem := hub_problem():
            raise Unavailable(problem)
        try:
            fetch(local_dir=folder)
        except GatedRepoError as error:
            raise Unavailable("gated: its licence must be accepted on its page first") from error
        except RepositoryNotFoundError as error:
            raise Unavailable("no such model, or a private one") from error
        except Exception as error:  # its HTTP library, its own checks and the disk raise many kinds
            raise Unavailable(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        if not any(folder.glob("*.safetensors")):
            raise Unavailable("it has no safetensors weights, and pickled ones are never loaded")

    try:
        return once(f"hub/{repository}", build)
    except Unavailable:
        # The Hub's own cache may hold a copy from before.
        with suppress(OSError, AssetError):
            return refuse_pickles(Path(fetch(local_files_only=True)))
        raise


@functools.cache
def hub_problem() -> str | None:
    """Why the Hub cannot be asked, or None: one short request, since real ones retry for long."""
    from huggingface_hub import constants, get_session

    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    problems: list[str | None] = []

    def ask() -> None:
        try:
            status = get_session().head(constants.ENDPOINT, timeout=3).status_code
            problems.append(f"{constants.ENDPOINT} answers {status}" if status >= 500 else None)
        except Exception as error:  # of whichever HTTP library the Hub's client is built on
            problems.append(f"{constants.ENDPOINT} is out of reach, {error!r}")

    # Looking up the host's name heeds no timeout, so it happens where nobody waits for it.
    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(6)
    return problems[0] if problems else f"{constants.ENDPOINT} does not answer"
