"""Which code runs a sweep: versions of packages, and the commit."""

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


def of_packages() -> dict[str, str]:
    """Return the version of each package by its name, or "not installed"."""
    return {package: _version(package) for package in PACKAGES}


def commit(file: Path = Path(__file__)) -> str:
    """Return the commit of the repository that a file is part of, or "" if it is part of none.

    It ends in `-dirty` if the work tree has changes. A file of an installed package is part of none.
    """
    if not git(file, "ls-files", file.name):
        return ""  # whatever repository surrounds it is another project's
    return git(file, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").strip()


def git(file: Path, *words: str) -> str:
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
