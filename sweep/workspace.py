"""Where a sweep writes: everything lies in one folder, ./sweeps or $SWEEP_HOME.

mlflow.db  artifacts/            the tracking store of all sweeps, unless another is named
NAME/sweep.yaml                  the spec, as it was typed
NAME/started_in                  the folder to which its relative paths refer
NAME/search.journal              the search's memory (Optuna), unless a database is named
NAME/search.journal.written      a mark by which changes of that file are found
NAME/tracking_uri  NAME/storage  NAME/kept_at    other addresses: of MLflow, Optuna, checkpoints
NAME/harness_tasks               the folder of the user's own tasks of lm-evaluation-harness, if any
NAME/record/                     entries of the record that MLflow lacks (sweep/tracking/outbox.py)
NAME/ray/                        the files of Ray Tune
NAME/checkpoints/  NAME/models/  the state of running trials; finished models that the record lacks
NAME/front/                      the front as tables and pictures, once the sweep has ended
NAME/.lock                       held by the driver while it runs
"""

import logging
import os
import re
import uuid
from pathlib import Path

from analysis.record.names import Artifact
from sweep.tracking.whole_file import DamagedFile, read_line, write_whole
from trainables.schema.text.masking import masked
from trainables.schema.text.shown import MAX_NAME, as_value, as_word

log = logging.getLogger(__name__)

SPEC, START_FOLDER = Artifact.SPEC, "started_in"
JOURNAL, OUTBOX, RAY, FRONT = "search.journal", "record", "ray", Artifact.FRONT
# Files that hold an address; each is missing while that is the default.
TRACKING_URI, SEARCH_STORAGE, CHECKPOINT_ROOT = "tracking_uri", "storage", "kept_at"
HARNESS_TASKS = "harness_tasks"


def home() -> Path:
    """Return the absolute path of the folder of all sweeps: $SWEEP_HOME, or ./sweeps."""
    return Path(os.environ.get("SWEEP_HOME") or "sweeps").expanduser().resolve()


def keep_home() -> None:
    """Have the folder of all sweeps stay the same, whatever folder the process changes into."""
    os.environ["SWEEP_HOME"] = str(home())


def use_home_of_jobs() -> None:
    """Have the folder of all sweeps be that of the jobs of a head: ~/sweeps without $SWEEP_HOME."""
    if not os.environ.get("SWEEP_HOME"):
        os.environ["SWEEP_HOME"] = str(Path.home() / "sweeps")


def folder(name: str) -> Path:
    """Return the path of the folder of a sweep, which need not exist yet."""
    return home() / name


def local_store() -> Path:
    """Return the path of the SQLite file in which MLflow records sweeps without a server."""
    return home() / "mlflow.db"


def local_tracking_uri() -> str:
    """Return the address of that file for MLflow."""
    return f"sqlite:///{local_store()}"


def artifact_location(tracking_uri: str, name: str) -> str | None:
    """Return where MLflow is to store the artifacts of a sweep; None leaves the choice to a server.

    This is a folder beside a SQLite file, and one in the workspace for any other database.

    tracking_uri: of MLflow. name: of the sweep.
    """
    if tracking_uri.startswith("sqlite:///"):
        return str(Path(tracking_uri.removeprefix("sqlite:///")).parent / "artifacts" / name)
    return None if tracking_uri.startswith(("http", "databricks")) else f"{home()}/artifacts/{name}"


def journal(name: str) -> Path:
    """Return the path of Optuna's journal of a sweep, which is used unless a database is named."""
    return folder(name) / JOURNAL


def spec(name: str) -> Path:
    """Return the path of the spec of a sweep, as it was typed."""
    return folder(name) / SPEC


def outbox(name: str) -> Path:
    """Return the path of the folder of entries that MLflow lacks (sweep/tracking/outbox.py)."""
    return folder(name) / OUTBOX


def names() -> list[str]:
    """Return the names of all sweeps that were run here, sorted."""
    return sorted(path.parent.name for path in home().glob(f"*/{SPEC}"))


def remember_sweep(
    name: str,
    spec_text: str,
    tracking_uri: str,
    search_storage: Path | str,
    checkpoint_root: str | None,
) -> None:
    """Write what `sweep resume` needs of a sweep into its folder; passwords are hidden.

    Args:
        name: of the sweep.
        spec_text: the spec, as it was typed.
        tracking_uri: of MLflow.
        search_storage: the path of Optuna's journal, or the URL of its database.
        checkpoint_root: see the function of this name.
    """
    write_whole(spec(name), spec_text)
    _write(name, START_FOLDER, str(Path.cwd()))
    remember_tracking_uri(name, tracking_uri)
    database = search_storage if isinstance(search_storage, str) else None
    _write_address(name, SEARCH_STORAGE, database)
    remember_checkpoint_root(name, checkpoint_root)


def remember_tracking_uri(name: str, tracking_uri: str) -> None:
    """Write in which tracking store a sweep is recorded; passwords are hidden."""
    is_local = tracking_uri == local_tracking_uri()
    _write_address(name, TRACKING_URI, None if is_local else tracking_uri)


def remember_checkpoint_root(name: str, checkpoint_root: str | None) -> None:
    """Write where the checkpoints of a sweep are; None: in its folder.

    The address is written as it is: a spec refuses one with secrets.
    """
    _write(name, CHECKPOINT_ROOT, checkpoint_root)


def remember_harness_tasks(name: str, path: Path | None) -> None:
    """Write the folder of tasks that the command line has named for a sweep; None: it named none."""
    _write(name, HARNESS_TASKS, str(path) if path else None)


def harness_tasks(name: str) -> Path | None:
    """Return the folder of tasks that the command line has named for a sweep; None if it named none."""
    return _absolute_path(name, HARNESS_TASKS, "the folder of own tasks")


def start_folder(name: str) -> Path:
    """Return the folder in which a sweep was started, or the current one if that is not known, or gone.

    Of the current one a warning is logged.

    Raises DamagedFile, as the functions below: the file that holds it is not as it was written.
    """
    path = _absolute_path(name, START_FOLDER, "the folder in which the sweep was started")
    if path and path.is_dir():
        return path
    log.warning(
        "%s must hold the folder in which %s was started, but %s: relative paths of its spec are taken "
        "from the current one, %s",
        folder(name) / START_FOLDER, name,
        f"{as_word(path, MAX_NAME)} is no folder any more" if path else "is not there",
        as_word(Path.cwd(), MAX_NAME),
    )  # fmt: skip
    return Path.cwd()


def tracking_uri(name: str) -> str:
    """Return the address of MLflow for a sweep of this workspace; a password in it is hidden."""
    return _address(name, TRACKING_URI) or local_tracking_uri()


def search_storage(name: str) -> Path | str:
    """Return the journal of a sweep's search, or the URL of its database with the password hidden."""
    return _address(name, SEARCH_STORAGE) or journal(name)


def new_checkpoint_root(storage_path: str, name: str) -> str:
    """Return a folder or address of its own for a sweep, below a path or address that many share."""
    return f"{storage_path}/{name}-{uuid.uuid4().hex[:8]}"


def checkpoint_root(name: str) -> str | None:
    """Return where the checkpoints and models of a sweep are; None if they are in its folder.

    It is one of `new_checkpoint_root`, and so nobody else's: --replace deletes it whole.
    """
    address = _address(name, CHECKPOINT_ROOT)
    of_its_own = rf"([\w+.-]+:/)?/+[^/].*/{re.escape(name)}-[0-9a-f]{{8}}"
    if address is not None and not re.fullmatch(of_its_own, address):
        raise DamagedFile(
            f"{folder(name) / CHECKPOINT_ROOT} must hold the address of the checkpoints of {name}, "
            f"which ends in /{name}- and 8 digits of 0–9 and a–f, but holds {as_value(address)}: put "
            f"the file back, or delete it, and the checkpoints are left where they are."
        )
    return address


def _write_address(name: str, file_name: str, address: str | None) -> None:
    """Write an address without its secrets into a file of a sweep; None deletes the file."""
    _write(name, file_name, None if address is None else masked(address))


def _write(name: str, file_name: str, text: str | None) -> None:
    """Write a text into a file of a sweep; None deletes the file."""
    path = folder(name) / file_name
    if text is None:
        path.unlink(missing_ok=True)
    else:
        write_whole(path, text)


def _absolute_path(name: str, file_name: str, held: str) -> Path | None:
    """Return the path in a file of a sweep, or None if there is no such file.

    held: what it is the path of, with its article.
    """
    text = read_line(folder(name) / file_name, held)
    if text is not None and not Path(text).is_absolute():
        raise DamagedFile(
            f"{folder(name) / file_name} must hold {held}, as a path that begins with /, but holds "
            f"{as_value(text)}: put the file back."
        )
    return None if text is None else Path(text)


def _address(name: str, file_name: str) -> str | None:
    """Return the address in a file of a sweep, or None if there is no such file."""
    text = read_line(folder(name) / file_name, "an address")
    return None if text is None else text.strip()
