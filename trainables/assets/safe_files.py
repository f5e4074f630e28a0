"""The files that are safe to read; pickled ones, pointers to files, and those of others are refused."""

from __future__ import annotations

import os
from pathlib import Path

from trainables.assets.cache import cache_dir
from trainables.assets.errors import AssetError
from trainables.schema.text.shown import MAX_NAME, as_word

# Weights, configs and tokenizers at the top of a repository: neither pickles nor code.
SAFE_FILES = ["*.safetensors", "*.json", "*.txt", "*.model", "*.jinja"]
# How a pointer of Git LFS begins, which a clone has in place of a large file that was not fetched.
POINTER = b"version https://git-lfs.github.com/spec/"
PICKLES = (".bin", ".ckpt", ".pickle", ".pkl", ".pt", ".pth")  # loading these can run code

# Folders, with `:` between them, in which configurations may name files; without it, in every folder.
ROOTS = "EQUIPOISE_ROOTS"


def are_limited() -> bool:
    """Return whether this machine limits the folders in which configurations may name files."""
    return bool(_roots())


def refuse_outside(path: Path) -> Path:
    """Return a path that a configuration names unchanged, unless this machine forbids to use it.

    Where the variable ROOTS is set, it must lie in one of those folders, in the current one, in which
    the files are that came with a sweep, or in the cache; and so must all files of a folder. Links are
    followed.

    Raises:
        AssetError: it lies elsewhere. Whether there is such a file, the sentence does not tell.
    """
    if not are_limited():
        return path
    current = [Path.cwd()] if Path.cwd() != Path("/") else []
    allowed = [*(Path(root).expanduser() for root in _roots()), cache_dir(), *current]
    folders = [folder.resolve() for folder in allowed]
    if _lies_in(path, folders) and all(_lies_in(file, folders) for file in path.rglob("*")):
        return path
    raise AssetError(
        f"{as_word(path, MAX_NAME)} must lie in a folder that this machine allows to be used "
        f"({ROOTS}={as_word(os.environ[ROOTS], MAX_NAME)}), or come with the sweep, but does not: "
        f"copy it there."
    )


def _roots() -> list[str]:
    """Return the folders that ROOTS names."""
    return [root for root in os.environ.get(ROOTS, "").split(os.pathsep) if root]


def _lies_in(path: Path, folders: list[Path]) -> bool:
    """Return whether a path leads to a place below one of these folders, which are without links."""
    try:
        return any(path.resolve().is_relative_to(folder) for folder in folders)
    except RuntimeError:  # of links in a circle
        return False


def refuse_pickles(path: Path) -> Path:
    """Return the path of a file or folder unchanged, unless it has no weights that are safe to load.

    Raises:
        AssetError: it is a model's folder without safetensors, or a pickled file.
    """
    lacks_safetensors = (path / "config.json").is_file() and not any(path.glob("*.safetensors"))
    files = [path] if path.is_file() else path.glob("*") if lacks_safetensors else []
    has_pickles = any(file.suffix in PICKLES for file in files)
    if lacks_safetensors and not has_pickles:
        raise AssetError(
            f"{path} must have its weights beside its config.json, in files named *.safetensors, but "
            f"has none: give a folder that save_pretrained wrote."
        )
    if has_pickles:
        raise AssetError(
            f"{path} has no safetensors weights, and pickled ones ({', '.join(PICKLES)}) "
            f"are never loaded because they can run code: give a folder that save_pretrained wrote."
        )
    return path


def refuse_pointer(file: Path, name: object) -> None:
    """Refuse a file that only says where its contents are.

    name: of the file, for the sentence.

    Raises:
        ValueError: it is a pointer of Git LFS.
        OSError: it cannot be read.
    """
    with file.open("rb") as stream:
        if stream.read(len(POINTER)) == POINTER:
            raise ValueError(
                f"{name}: must be the file itself, but is a Git LFS pointer to it: fetch it with "
                f"`git lfs pull`."
            )
