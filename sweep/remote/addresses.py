"""The addresses of a cluster, kept once for all verbs in a file that its user alone can read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlsplit

import platformdirs
from pydantic import ValidationError, field_validator

from sweep.tracking.store.addresses import BadAddress, refuse_password, refuse_unknown
from sweep.tracking.whole_file import DamagedFile, write_whole
from trainables.schema.plain_json import from_json
from trainables.schema.strict import Strict
from trainables.schema.text.masking import holds_secret
from trainables.schema.text.shown import MAX_NAME, as_word, first_line

FILE = ".cluster.json"
MAX_BYTES = 16_384
MAX_CHARACTERS = 2_000  # of an address
JOBS_VARIABLE = "RAY_API_SERVER_ADDRESS"  # that of Ray's own client
JOBS_EXAMPLE = "http://127.0.0.1:8265"


class Cluster(Strict):
    """Where the services of a cluster are, without secrets.

    address:      the job API, http://HOST:PORT.
    tracking_uri: MLflow, as this machine and the cluster reach it; None: each has its own default.
    storage:      the database of searches, as the cluster reaches it; None: a journal of each sweep.
    """

    address: str
    tracking_uri: str | None = None
    storage: str | None = None

    @field_validator("address")
    @classmethod
    def _check_address(cls, address: str) -> str:
        """Return the address; raise ValueError if it is none of a job API, or holds a secret."""
        return checked_jobs_address(address)

    @field_validator("tracking_uri")
    @classmethod
    def _check_tracking_uri(cls, uri: str | None) -> str | None:
        """Return the address; raise ValueError if it is none of MLflow, or holds a secret."""
        if uri is None:
            return None
        refuse_password(uri)
        if holds_secret(uri):
            raise BadAddress(
                "--tracking-uri must hold no password or token, as it is kept in a file: set "
                "MLFLOW_TRACKING_URI to an address with one."
            )
        refuse_unknown(uri)
        return uri

    @field_validator("storage")
    @classmethod
    def _check_storage(cls, storage: str | None) -> str | None:
        """Return the address; raise ValueError if it is none of a database, or holds a secret."""
        if storage is None:
            return None
        if holds_secret(storage):
            raise BadAddress(
                "--storage must hold no password or token, as it is kept in a file: set OPTUNA_STORAGE "
                "to an address with one, in the environment of the head."
            )
        if "://" not in storage:
            raise BadAddress(
                f"--storage must be the address of a database, as postgresql://HOST/NAME, but got "
                f"{as_word(storage, MAX_NAME)}."
            )
        return storage


def checked_jobs_address(address: str) -> str:
    """Return the address of a job API without a slash at its end.

    Raises:
        BadAddress: it is none, or holds a user name, a password or a token.
    """
    if holds_secret(address) or "@" in address:
        raise BadAddress(
            "--address must hold no user name, password or token, but the given one does: put the "
            "token of a cluster into RAY_AUTH_TOKEN or ~/.ray/auth_token."
        )
    if not _is_of_server(address):
        raise BadAddress(
            f"--address must be http://HOST:PORT of the job API, but got {as_word(address)!r}."
        )
    return address.rstrip("/")


def _is_of_server(address: str) -> bool:
    """Return whether a text is http://HOST or https://HOST, with a port and a path or without."""
    if len(address) > MAX_CHARACTERS or any(not "!" <= sign <= "~" for sign in address):
        return False
    try:
        parts = urlsplit(address)
        is_plain = not parts.query and not parts.fragment and parts.port != 0
        return parts.scheme in ("http", "https") and bool(parts.hostname) and is_plain
    except ValueError:  # of brackets, or of a port that is no number
        return False


def file() -> Path:
    """Return the path of the file: in $SWEEP_HOME if that is set, else in the user's config folder."""
    home = os.environ.get("SWEEP_HOME")
    folder = Path(home).expanduser() if home else platformdirs.user_config_path("equipoise")
    return folder / FILE


def cluster(address: str, tracking_uri: str | None = None, storage: str | None = None) -> Cluster:
    """Return addresses that can be kept.

    Raises:
        BadAddress: one of them is not what it must be, or holds a secret.
    """
    try:
        return Cluster(address=address, tracking_uri=tracking_uri, storage=storage)
    except ValidationError as error:
        raise BadAddress(_reason(error)) from error


def kept() -> Cluster | None:
    """Return the addresses that are kept; None if there are none.

    Raises:
        DamagedFile: the file is not as it was written.
    """
    path = file()
    try:
        with path.open("rb") as opened:
            text = opened.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _damaged(path, f"it cannot be read ({error.strerror})") from error
    try:
        if len(text) > MAX_BYTES:
            raise ValueError("it is too long")
        return Cluster.model_validate(from_json(text))
    except ValidationError as error:
        raise _damaged(path, _reason(error).rstrip(".")) from error
    except ValueError as error:
        raise _damaged(path, first_line(error)) from error


def keep(addresses: Cluster) -> Path:
    """Write addresses to the file, which its user alone can read; return its path.

    Raises:
        OSError: it cannot be written.
    """
    path = file()
    path.parent.mkdir(parents=True, exist_ok=True)
    # Made private from its first byte on, and not once it is in its place.
    earlier = os.umask(0o077)
    try:
        write_whole(path, json.dumps(addresses.model_dump(exclude_none=True), indent=2) + "\n")
    finally:
        os.umask(earlier)
    return path


def forget() -> bool:
    """Delete the file; return whether there was one."""
    try:
        file().unlink()
    except FileNotFoundError:
        return False
    return True


def _reason(error: ValidationError) -> str:
    """Return the sentence of the first fault of addresses."""
    first = error.errors()[0]
    cause = first.get("ctx", {}).get("error")
    if isinstance(cause, BadAddress):
        return str(cause)
    return f"{'.'.join(map(str, first['loc'])) or 'it'}: {first['msg']}"


def _damaged(path: Path, reason: str) -> DamagedFile:
    """Return the error for a file that does not hold addresses."""
    return DamagedFile(
        f"{as_word(path, MAX_NAME)} must hold the addresses of a cluster, but: "
        f"{as_word(reason, MAX_NAME)}: `sweep use --forget` removes it."
    )
