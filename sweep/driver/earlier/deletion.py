"""Delete all that is left of an earlier sweep of the same name."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sweep import workspace
from sweep.tracking import control_requests, sweeps
from sweep.tracking.control_requests import Request, Requests
from sweep.tracking.store import addresses
from sweep.tracking.whole_file import delete
from sweep.workers.checkpoints import CHECKPOINTS, MODELS, FolderStore

FILES = (
    workspace.JOURNAL,
    workspace.OUTBOX,
    CHECKPOINTS,
    MODELS,
    workspace.RAY,
    workspace.FRONT,
)
ADDRESS_FILES = (
    workspace.START_FOLDER,
    workspace.TRACKING_URI,
    workspace.SEARCH_STORAGE,
    workspace.CHECKPOINT_ROOT,
    workspace.HARNESS_TASKS,
)


def refuse_undeletable(name: str, search_storage: Path | str) -> None:
    """Refuse to delete the earlier sweep of a name where its addresses are not known.

    Raises:
        addresses.BadAddress: the password of its search storage is not kept.
        DamagedFile: a file that holds an address is not as it was written.
    """
    workspace.checkpoint_root(name)
    earlier_storage = workspace.search_storage(name)
    # First of all: by it the last sentence tells whether anything of the earlier sweep was changed.
    delete(workspace.outbox(name))
    if str(earlier_storage) != addresses.masked_address(search_storage):
        addresses.refuse_hidden(
            str(earlier_storage), "--storage or OPTUNA_STORAGE, to delete its search"
        )


def delete_earlier(
    name: str,
    tracking_uri: str,
    search_storage: Path | str,
    earlier_requests: Mapping[str, str],
) -> Request:
    """Delete the earlier sweep of a name; return what users have requested of it since.

    It goes from search, record, checkpoints and its folder. The requests are meant for the sweep that
    takes its place.

    earlier_requests: the tags of its run, as they were before this process could be asked for anything.

    Both the search storage given here and the one that the earlier sweep used are cleared. The files
    that hold the addresses of the earlier sweep go last, so that a deletion that was cut off can be
    done again.

    Raises:
        addresses.BadAddress: a search storage cannot be used.
        DamagedFile: a file that holds an address is not as it was written; nothing is deleted.
    """
    from sweep.search.study import delete_study

    refuse_undeletable(name, search_storage)  # before anything is deleted
    earlier_storage, checkpoint_root = (
        workspace.search_storage(name),
        workspace.checkpoint_root(name),
    )
    if earlier := sweeps.find_sweep(tracking_uri, name):
        control_requests.hear_after(earlier, earlier_requests)
    if str(earlier_storage) != addresses.masked_address(search_storage):
        delete_study(earlier_storage, name)
    delete_study(search_storage, name)
    if checkpoint_root:
        parent, _, folder = checkpoint_root.rpartition("/")
        FolderStore(parent).delete(folder)
    sweeps.delete_sweep(tracking_uri, name)
    for file in (*FILES, *ADDRESS_FILES):
        delete(workspace.folder(name) / file)
    # MLflow takes no request to a deleted record, and still shows it.
    return Requests.from_tags(earlier.tags()).request if earlier else "go"
