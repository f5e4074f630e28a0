"""Which code runs a sweep: versions of packages, the commit, and the changes since that commit."""

from __future__ import annotations

import subprocess
from importlib import metadata
from pathlib import Path

PACKAGES = (
    "equipoise",
    "torch",
    "transformers",
    "deepspeed",
    "ray",
    "optuna",
    "mlflow",
    "datasets",
)
MAX_DIFF_CHARS = 500_000  # characters


def versions() -> dict[str, str]:
    """Return the version of each package by its name, or "not installed"."""
    return {package: _version(package) for package in PACKAGES}


def commit(file: Path = Path(__file__)) -> str:
    """Return the commit of the repository that a file is part of, or "" if it is part of none.

    It ends in `-dirty` if the work tree has changes. A file of an installed package is part of none.
    """
    if not _git(file, "ls-files", file.name):
        return ""  # whatever repository surrounds it is another project's
    return _git(file, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").strip()


def diff(file: Path = Path(__file__)) -> str:
    """Return the changes of the work tree since the commit as a patch, or "" if there are none.

    Files that git does not know are named, without their contents. The patch is cut after
    MAX_DIFF_CHARS characters.
    """
    if not commit(file):
        return ""
    patch = _git(file, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color")
    unknown = _git(file, "ls-files", "--others", "--exclude-standard", "--full-name", ":/")
    head = "".join(f"# not in the repository, and not shown: {n}\n" for n in unknown.splitlines())
    cut = "\n# … cut\n" if len(head + patch) > MAX_DIFF_CHARS else ""
    return (head + patch)[:MAX_DIFF_CHARS] + cut


def _git(file: Path, *words: str) -> str:
    """Return the output of a git command in the folder of a file.

    It is empty if the command fails: there is no repository, or no git.
    """
    try:
        process = subprocess.run(
            ["git", "-C", str(file.parent), *words], capture_output=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return process.stdout.decode(errors="replace")


def _version(package: str) -> str:
    """Return the version of an installed package, or "not installed"."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
