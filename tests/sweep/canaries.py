"""Secrets planted around a sweep, and a search for them in all that is left of it."""

from __future__ import annotations

import base64
import gzip
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, quote_plus

# By the names of variables; in the forms in which services give them out.
OF_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIACANARY7QWERTZ12X",
    "AWS_SECRET_ACCESS_KEY": "cAnArY/aws+Secret7yXw3vU9tS1rQ5pO8nM2kJ4",
    "AWS_SESSION_TOKEN": "IQoJcanarySession//" + "aZ3+xY7/" * 20 + "==",
    "HF_TOKEN": "hf_cAnArYhUgGiNgFaCe1234567890abcdef",
    "OPENAI_API_KEY": "sk-proj-cAnArYoPeNaI1234567890abcdefghij",
    "WANDB_API_KEY": "c0ffee7a" * 5,
    "MLFLOW_TRACKING_USERNAME": "canary-user-5517",
    "MLFLOW_TRACKING_PASSWORD": "cAnArY-mlflow-pass&word=9",
    "MLFLOW_TRACKING_TOKEN": "cAnArYmlflowTOKEN0987654321",
    "PGPASSWORD": "cAnArY-postgres-p@ss:word/7",
    "GITHUB_TOKEN": "ghp_cAnArYgItHuB1234567890abcdefABCDEF",
    "RAY_AUTH_TOKEN": "ca7a12e5" * 8,
}
OF_DOT_ENV = "cAnArY-dot-env-secret-4411"
OF_REMOTE = "ghp_cAnArYrEmOtE1234567890abcdefABCDEFgh"
OF_CODE = "cAnArY-in-tracked-file-8855"
OF_ADDRESS = "cAnArY-mistyped-scheme-2299"
ALL = {
    **OF_ENVIRONMENT,
    "the neighbour .env": OF_DOT_ENV,
    "the address of a git remote": OF_REMOTE,
    "a tracked file": OF_CODE,
    "an address": OF_ADDRESS,
}
MIN_BASE64 = 12  # characters that a secret leaves in base64, whatever stands before it


def forms(secret: str) -> set[bytes]:
    """Return a secret as it is, as addresses have it, in JSON, and in base64 after 0 to 2 other bytes."""
    texts = {secret, quote(secret, safe=""), quote(secret), quote_plus(secret)}
    found = {text.encode() for text in texts} | {secret.replace("/", "\\/").encode()}
    for before in range(3):
        # The first and the last letters depend on the neighbours.
        coded = base64.b64encode(b"\0" * before + secret.encode())[4 * bool(before) : -4]
        if len(coded) >= MIN_BASE64:
            found |= {coded, coded.replace(b"+", b"-").replace(b"/", b"_")}
    return found


FORMS = {whose: forms(secret) for whose, secret in ALL.items()}


def secrets_in(content: bytes) -> list[str]:
    """Return whose secrets are in these bytes, in any form."""
    return [whose for whose, any_of in FORMS.items() if any(form in content for form in any_of)]


def secrets_below(folder: Path) -> dict[str, list[str]]:
    """Return file -> whose secrets are in it or in its name, for the files below a folder that have some.

    Archives are unpacked.
    """
    found = {}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with suppress(FileNotFoundError):
                content = b"\n".join([str(path).encode(), *_contents(path)])
                if whose := secrets_in(content):
                    found[str(path.relative_to(folder))] = whose
    return found


def _contents(path: Path) -> Iterator[bytes]:
    """Yield the bytes of a file, and those that are packed in it."""
    content = path.read_bytes()
    yield content
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                yield archive.read(name)


@contextmanager
def watched_commands() -> Iterator[set[bytes]]:
    """Within the block, collect the command lines of all processes of the machine."""
    seen: set[bytes] = set()
    is_over = threading.Event()

    def look() -> None:
        while not is_over.wait(0.05):
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    seen.add(file.read_bytes())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        is_over.set()
        thread.join()
