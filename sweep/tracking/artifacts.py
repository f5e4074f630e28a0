"""Upload and download artifacts of runs: delivered by MLflow's own answer alone, refused with the code.

MLflow's client takes any answer with the code 200 for a delivery, also the login page of a gateway, and
does not say why it was given no file.
"""

from __future__ import annotations

import mimetypes
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sweep.tracking.store import errors as store_errors
from sweep.tracking.store.addresses import connect

if TYPE_CHECKING:
    from mlflow.store.artifact.artifact_repo import ArtifactRepository


MAX_KEPT = 16  # of MLflow's objects for the artifacts of runs, each of which holds threads


def upload(tracking_uri: str, run_id: str, path: Path, to: str = "") -> None:
    """Upload a file, or the contents of a folder, to the folder `to` of a run's artifacts.

    Raises:
        store_errors.OtherAnswer: something else than MLflow has answered, so that it may be lost.
        Exception: of MLflow, of the network, of a bucket: it could not be uploaded.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    repository = _repository(tracking_uri, run_id)
    for file in files:
        below = file.parent.relative_to(root).parts
        _upload_file(repository, file, "/".join([*([to] if to else []), *below]))


def upload_text(tracking_uri: str, run_id: str, text: str, name: str) -> None:
    """Upload a text as a file of this name, a path, among a run's artifacts; raises as `upload`."""
    folder, _, file_name = name.rpartition("/")
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary, file_name)
        file.write_text(text, encoding="utf-8")
        upload(tracking_uri, run_id, file, folder)


def download(tracking_uri: str, run_id: str, path: str, folder: Path) -> Path:
    """Download an artifact of a run into a folder, and return where it is.

    Raises:
        Exception: of MLflow, of the network, of a bucket: it is not given.
    """
    return Path(_repository(tracking_uri, run_id).download_artifacts(path, str(folder)))


def has_artifact(tracking_uri: str, run_id: str, name: str) -> bool:
    """Return whether a run has an artifact of this name at the top."""
    return any(entry.path == name for entry in connect(tracking_uri).list_artifacts(run_id))


@lru_cache(MAX_KEPT)
def _repository(tracking_uri: str, run_id: str) -> ArtifactRepository:
    """Return where MLflow keeps the artifacts of a run, which never changes."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    uri = connect(tracking_uri).get_run(run_id).info.artifact_uri
    return get_artifact_repository(uri, tracking_uri)


def _upload_file(repository: ArtifactRepository, file: Path, to: str) -> None:
    """Upload a file to the folder `to` of the artifacts of a run; raises as `upload`."""
    from mlflow.environment_variables import MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE
    from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
    from mlflow.utils.credentials import get_default_host_creds
    from mlflow.utils.rest_utils import augmented_raise_for_status, http_request

    # What is as large as this may go to a bucket in parts, past the server.
    is_large = file.stat().st_size >= MLFLOW_MULTIPART_UPLOAD_MINIMUM_FILE_SIZE.get()
    if is_large or not isinstance(repository, HttpArtifactRepository):
        repository.log_artifact(str(file), to or None)
        return
    kind = mimetypes.guess_type(file.name)[0] or "application/octet-stream"
    with file.open("rb") as content:
        answer = http_request(
            get_default_host_creds(repository.artifact_uri),
            f"/{to}/{file.name}" if to else f"/{file.name}",
            "PUT",
            data=content,
            extra_headers={"Content-Type": kind},
        )
    augmented_raise_for_status(answer)
    if not _is_of_mlflow(answer) or (
        not answer.content.strip() and _is_absent(repository, file, to)
    ):
        raise store_errors.OtherAnswer(store_errors.described(answer, "answer of MLflow"))


def _is_of_mlflow(answer: Any) -> bool:
    """Return whether an answer, of the library requests, is MLflow's to an upload: nothing, or `{}`."""
    return answer.status_code == 200 and answer.content.strip() in (b"", b"{}")


def _is_absent(repository: ArtifactRepository, file: Path, to: str) -> bool:
    """Return whether MLflow lists the folder of a file that was uploaded without it, or shorter.

    A gateway may answer with nothing, too.
    """
    try:
        listed = {entry.path: entry.file_size for entry in repository.list_artifacts(to or None)}
    except Exception:  # the listing alone is refused
        return False
    path = f"{to}/{file.name}" if to else file.name
    return path not in listed or listed[path] not in (None, file.stat().st_size)
