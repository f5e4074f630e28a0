"""One cache folder in which nothing half-made is ever found.

Assets, tokenised tables, miniature models and base values all lie here, each built once.
"""

from __future__ import annotations

import glob
import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import platformdirs
from filelock import FileLock

from trainables.assets.errors import AssetError

logger = logging.getLogger(__name__)

MANIFEST = ".built.json"
# Up to this many bytes a file is hashed at every reuse; a larger one is only known by its size.
SMALL = 32 * 2**20


def cache_dir() -> Path:
    """The one folder that everything is kept in: `$EQUIPOISE_CACHE`, or the user's cache folder."""
    chosen = os.environ.get("EQUIPOISE_CACHE")
    return Path(chosen).expanduser() if chosen else Path(platformdirs.user_cache_dir("equipoise"))


def digest(path: Path) -> str:
    """SHA-256 of a file, or of the sorted names and contents of a folder, wherever it lies.

    Hidden files do not count. A large file is hashed once as long as its size and time stay.
    Raises FileNotFoundError if there is nothing at `path`.
    """
    if path.is_dir():
        lines = (f"{_sha256(file)}  {name}\n" for name, file in _visible_files(path).items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    return _sha256(path)


def source_digest(*patterns: str) -> str:
    """Return the sha256 of our own source files, as a part of the key of whatever they make.

    So nothing that older code has made is ever used. A pattern is a glob below the package; a folder
    stands for every file in it.

    Raises:
        ValueError: a pattern matches no file, as after a move. The key would not change with the code.
    """
    package = Path(__file__).parents[1]
    files: set[Path] = set()
    for pattern in patterns:
        matches = [path for path in package.glob(pattern) if "__pycache__" not in path.parts]
        below = [file for path in matches if path.is_dir() for file in path.rglob("*.*")]
        sources = [path for path in [*matches, *below] if path.is_file() and path.suffix != ".pyc"]
        if not sources:
            raise ValueError(
                f"{pattern!r} must match source files below {package}, but matches none."
            )
        files.update(sources)
    return hashlib.sha256(b"".join(file.read_bytes() for file in sorted(files))).hexdigest()


def once(folder_name: str, build: Callable[[Path], None]) -> Path:
    """The folder `cache_dir() / folder_name`, filled by `build` unless it already is.

    `build` gets an empty folder, which takes its final name only when `build` has returned: another
    process sees all or nothing of it, and waits instead of building the same. What was built is
    recognised by names, sizes and (of files under 32 MiB) contents, and built again if it differs.

    Raises AssetError if the cache cannot be written, and whatever `build` raises.
    """
    folder = cache_dir() / folder_name
    if _is_as_built(folder):
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
        if _is_as_built(folder):
            return folder
        # Whoever made these is dead, since we hold the lock. Each has a name of its own, because a
        # process that a killed builder had started may still write into its folder.
        for stale in folder.parent.glob(f".{glob.escape(folder.name)}.*.partial"):
            shutil.rmtree(stale, ignore_errors=True)
        partial = folder.with_name(f".{folder.name}.{os.getpid()}-{time.time_ns()}.partial")
        partial.mkdir()
        try:
            build(partial)
            (partial / MANIFEST).write_text(json.dumps(_inventory(partial), indent=1))
            if folder.exists():
                logger.warning("%s was not what had been built there: built again.", folder)
                shutil.rmtree(folder)
            partial.rename(folder)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    return folder


def _is_as_built(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / MANIFEST).read_bytes()) == _inventory(folder))
    except (OSError, ValueError):
        return False


def _inventory(folder: Path) -> dict[str, list[int | str]]:
    """Size of each file, and contents of each small one: cheap enough for every reuse."""
    sizes = {name: file.stat().st_size for name, file in _visible_files(folder).items()}
    return {
        name: [size, _hash(folder / name) if size < SMALL else ""] for name, size in sizes.items()
    }


def _visible_files(folder: Path) -> dict[str, Path]:
    files = {file.relative_to(folder): file for file in folder.rglob("*") if file.is_file()}
    return {
        name.as_posix(): files[name]
        for name in sorted(files, key=Path.as_posix)
        if not any(part.startswith(".") for part in name.parts)
    }


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sha256(file: Path) -> str:
    """As `_hash`, but remembered beside the cache for a large file."""
    status = file.stat()
    if status.st_size < SMALL:
        return _hash(file)
    version = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    remembered = cache_dir() / "digests" / hashlib.sha256(version.encode()).hexdigest()
    with suppress(OSError):
        if len(known := remembered.read_text()) == 64:
            return known
    found = _hash(file)
    with suppress(OSError):  # remembering is worth no failure: the cache may be read-only
        remembered.parent.mkdir(parents=True, exist_ok=True)
        remembered.write_text(found)
    return found
