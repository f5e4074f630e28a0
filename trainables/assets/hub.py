"""Fetch the folder of a model from the Hugging Face Hub: safetensors weights and no code."""

from __future__ import annotations

import functools
import json
import shutil
import threading
from contextlib import suppress
from pathlib import Path

from trainables.assets.cache import once
from trainables.assets.errors import AssetError, Unavailable
from trainables.assets.safe_files import SAFE_FILES, refuse_pickles


def fetch_from_hub(repository: str) -> Path:
    """Return the local folder of a model on the Hub, downloaded on the first call.

    It comes from our cache, else from the Hub, else from the Hub library's own cache.

    Args:
        repository: `owner/name`.

    Raises:
        Unavailable: none of them has the model with safetensors weights; the message is the reason.
    """
    from huggingface_hub import constants, snapshot_download
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
        except json.JSONDecodeError as error:
            raise Unavailable(
                f"{constants.ENDPOINT} answers something else than a Hub does, as a login page would"
            ) from error
        except Exception as error:  # HTTP library, Hub client and disk raise errors of many kinds
            raise Unavailable(f"{type(error).__name__}: {' '.join(str(error).split())}") from error
        shutil.rmtree(folder / ".cache", ignore_errors=True)
        if not any(folder.glob("*.safetensors")):
            raise Unavailable("it has no safetensors weights, and pickled ones are never loaded")

    try:
        return once(f"hub/{repository}", build)
    except Unavailable:
        # The Hub library's own cache may hold a copy from before.
        with suppress(OSError, AssetError):
            return refuse_pickles(Path(fetch(local_files_only=True)))
        raise


@functools.cache
def hub_problem() -> str | None:
    """Return the reason why the Hub cannot be used, or None if it answers.

    It is one short request, made once a process, because real downloads retry for long.
    """
    from huggingface_hub import constants, get_session

    if constants.is_offline_mode():
        return "HF_HUB_OFFLINE is set"
    problems: list[str | None] = []

    def send_request() -> None:
        try:
            status = get_session().head(constants.ENDPOINT, timeout=3).status_code
            problems.append(f"{constants.ENDPOINT} answers {status}" if status >= 500 else None)
        except Exception as error:  # the kind depends on the HTTP library of the Hub's client
            problems.append(f"{constants.ENDPOINT} is out of reach, {error!r}")

    # Looking up the host's name ignores the timeout, so it runs in a thread that may be left behind.
    thread = threading.Thread(target=send_request, daemon=True)
    thread.start()
    thread.join(6)
    return problems[0] if problems else f"{constants.ENDPOINT} does not answer"
