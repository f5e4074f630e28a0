"""One cache folder, in which every entry is built once and is either complete or absent.

It holds assets and their digests, tokenised tables, miniature models, texts that sets share, Fisher
matrices, and the values and hidden states of base models.
"""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import platformdirs
from filelock import FileLock

from trainables.assets import others
from trainables.assets.errors import AssetError
from trainables.assets.folder_files import files_below
from trainables.schema.plain_json import from_json

logger = logging.getLogger(__name__)

MANIFEST = ".built.json"
# The cache keeps the digest of a file of this many bytes or more; to hash a smaller one takes no time.
MIN_LARGE_BYTES = 32 * 2**20
# A file that was written later than this before it was hashed may be written again with the same time.
SETTLED_NS = 2_000_000_000
MAX_KNOWN = 100_000  # digests that a process keeps

# What tells that a file is as it was -> its sha256, for the files that this process has hashed.
_known: dict[tuple[int, ...], str] = {}


class Look(NamedTuple):
    """What a file or a folder was at a time: its digest, and what differs once a file is touched.

    path: absolute, whatever path was given. Links in it are not followed: of one that leads elsewhere
        for a while, the looks meanwhile are then of the same path.
    """

    path: Path
    digest: str
    versions: tuple[tuple[int, ...], ...]


# Of each block that follows the looks of this process, those that it has had.
_looks_of_blocks: list[set[Look]] = []


class Changed(ValueError):
    """Files have changed while they were read."""


def cache_dir() -> Path:
    """Return the cache folder: `$EQUIPOISE_CACHE`, or one in the user's cache folder."""
    folder = os.environ.get("EQUIPOISE_CACHE")
    return Path(folder).expanduser() if folder else Path(platformdirs.user_cache_dir("equipoise"))


def digest(path: Path) -> str:
    """Return the sha256 of a file, or of the sorted names and contents of a folder.

    It does not depend on where the folder lies, nor on hidden files. Of a link the contents count,
    wherever they lie. A file is hashed again only when its size, its times or its place on the disk
    have changed.

    Raises:
        FileNotFoundError: there is nothing at `path`.
        TooMany: the folder has too many files.
        ValueError: it is neither a file nor a folder, so that reading it might never end.
    """
    if path.is_dir():
        files = files_below(path)
        versions = tuple(map(_version, files.values())) if _looks_of_blocks else ()
        lines = (f"{_sha256(file)}  {name}\n" for name, file in files.items())
        found = hashlib.sha256("".join(lines).encode()).hexdigest()
    elif path.exists() and not path.is_file():
        raise ValueError(f"{path} must be a file or a folder, but is a pipe, a socket or a device.")
    else:
        versions = (_version(path),)
        found = _sha256(path)
    for looks in tuple(_looks_of_blocks):
        looks.add(Look(path.absolute(), found, versions))
    return found


@contextmanager
def looks_within() -> Iterator[set[Look]]:
    """Within the block, have a set that gets what each call of `digest` finds."""
    looks: set[Look] = set()
    _looks_of_blocks.append(looks)
    try:
        yield looks
    finally:
        # Not by `remove`, which takes the first that is equal.
        _looks_of_blocks[:] = [others for others in _looks_of_blocks if others is not looks]


@contextmanager
def unchanged_while_read(known: str, what: str, digest_now: Callable[[], str]) -> Iterator[None]:
    """Within the block, files are read, and must be those of a digest throughout.

    Files that were others in between, and are now as they were, have other times than before.

    known: the digest.
    what: the files in a few words, for the error.

    Raises:
        Changed: they have another digest at the end of the block, or have been touched within it.
    """
    with looks_within() as before:
        digest_now()
    yield
    with looks_within() as after:
        now = digest_now()
    if now != known or before != after:
        raise changed(what)


def changed(what: str) -> Changed:
    """Return the error for files, named in a few words, that have changed while they were read."""
    return Changed(f"{what} must stay as it is while it is read, but has changed: try again.")


def source_digest(*patterns: str) -> str:
    """Return the sha256 of our own source files, for the key of a cache entry that they make.

    An entry that older code has made then has another key, and is never used.

    Args:
        patterns: globs below the package `trainables`; a folder stands for every file in it.

    Raises:
        ValueError: a pattern matches no file, as after a move: the key would no longer follow the code.
    """
    package = Path(__file__).parents[1]
    files: set[Path] = set()
    for pattern in patterns:
        matches = [path for path in package.glob(pattern) if "__pycache__" not in path.parts]
        in_folders = [file for path in matches if path.is_dir() for file in path.rglob("*.*")]
        paths = [*matches, *in_folders]
        sources = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
        if not sources:
            raise ValueError(
                f"{pattern!r} must match source files below {package}, but matches none."
            )
        files.update(sources)
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def once(folder_name: str, build: Callable[[Path], None]) -> Path:
    """Return the folder `cache_dir() / folder_name`, filled by `build` if it is not there yet.

    Where other machines work for the same sweep, one of them builds it for all (`share_with`).

    `build` gets an empty folder, which takes its final name only after `build` has returned. Another
    process therefore sees all of it or nothing, and waits instead of building the same. A folder
    whose file names, sizes or contents have changed is built again.

    Raises:
        AssetError: the cache cannot be written.
        Exception: any error of `build`; nothing of the folder is left then.
    """
    folder = cache_dir() / folder_name
    if has(folder_name):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder.with_name(f".{folder.name}.lock")).acquire()
    except OSError as error:
        raise AssetError(
            f"the cache folder {cache_dir()} cannot be written ({error.strerror}): "
            f"set EQUIPOISE_CACHE to a folder that can."
        ) from error
    with lock:
        if has(folder_name):
            return folder
        # The processes that made these are dead, since we hold the lock. Each folder has a name of
        # its own, because a child of a killed builder may still write into its folder.
        for stale in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = folder.with_name(f".{folder.name}.{os.getpid()}-{time.time_ns()}.partial")
        partial.mkdir()
        try:
            with others.entry(folder_name, partial) as is_there:
                if not is_there:
                    build(partial)
            if has(folder_name):  # by another machine
                shutil.rmtree(partial)
                return folder
            (partial / MANIFEST).write_text(json.dumps(_inventory(partial), indent=1))
            if folder.exists():
                logger.warning("%s has changed since it was built: built again.", folder)
                shutil.rmtree(folder)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return folder


def has(folder_name: str) -> bool:
    """Return whether an entry of the cache is there with the very files that were built."""
    folder = cache_dir() / folder_name
    try:
        return bool(from_json((folder / MANIFEST).read_bytes()) == _inventory(folder))
    except (OSError, ValueError):
        return False


def put(folder_name: str, folder: Path) -> None:
    """Move a folder of the same disk into the cache as an entry, unless that is there already."""
    (folder / MANIFEST).write_text(json.dumps(_inventory(folder), indent=1))
    place = cache_dir() / folder_name
    place.parent.mkdir(parents=True, exist_ok=True)
    if not has(folder_name):
        shutil.rmtree(place, ignore_errors=True)
        folder.rename(place)


def _inventory(folder: Path) -> dict[str, list[int | str]]:
    """Return [size, sha256] of each file by its name.

    It is cheap enough to be made at every reuse, as the sha256 of a large file is kept.
    """
    files = files_below(folder)
    return {name: [file.stat().st_size, _sha256(file)] for name, file in files.items()}


def _sha256_of_contents(file: Path) -> str:
    """Return the sha256 of a file, read now."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sha256(file: Path) -> str:
    """Return the sha256 of a file, which is kept for the next time.

    This process keeps it, and of a large file the cache folder does, too.
    """
    version = _version(file)
    if version in _known:
        return _known[version]
    *_, changed_ns = version
    is_settled = time.time_ns() - changed_ns > SETTLED_NS
    name = hashlib.sha256(f"{file.resolve()}|{version}".encode()).hexdigest()
    stored = cache_dir() / "digests" / name if file.stat().st_size >= MIN_LARGE_BYTES else None
    new_digest = ""
    with suppress(OSError):
        new_digest = stored.read_text() if stored else ""
    is_stored = re.fullmatch("[0-9a-f]{64}", new_digest) is not None
    if not is_stored:
        new_digest = _sha256_of_contents(file)
    if not is_settled or _version(file) != version:
        return new_digest
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[version] = new_digest
    if stored and not is_stored:
        with suppress(OSError):  # the cache may be read-only; storing a digest is worth no failure
            stored.parent.mkdir(parents=True, exist_ok=True)
            stored.write_text(new_digest)
    return new_digest


def _version(file: Path) -> tuple[int, ...]:
    """Return what differs once a file has been written, replaced, or given another time."""
    status = file.stat()
    return (
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )
