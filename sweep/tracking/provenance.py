"""Which code runs a sweep: versions of packages, the commit, and what differs from it."""

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
    """Package -> version, or "not installed"."""
    return {package: _version(package) for package in PACKAGES}


def commit(file: Path = Path(__file__)) -> str:
    """The commit of the repository that a file is part of, with `-dirty` where more was changed.

    Empty where it is part of none, as in an installed package.
    """
    if not _git(file, "ls-files", file.name):
        return ""  # whatever repository surrounds it is another project's
    return _git(file, "describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").strip()


def diff(file: Path = Path(__file__)) -> str:
    """What the work tree changes of the commit, as a patch; empty where nothing.

    Files that git does not know are named and not shown. It is cut after MAX_DIFF_CHARS characters.
    """
    if not commit(file):
        return ""
    changed = _git(file, "diff", "HEAD", "--no-ext-diff", "--no-textconv", "--no-color")
    unknown = _git(file, "ls-files", "--others", "--exclude-standard", "--full-name", ":/")
    head = "".join(f"# not in the repository, and not shown: {n}\n" for n in unknown.splitlines())
    cut = "\n# … cut\n" if len(head + changed) > MAX_DIFF_CHARS else ""
    return (head + changed)[:MAX_DIFF_CHARS] + cut


def _git(file: Path, *words: str) -> str:
    """What git says of the repository around a file; nothing where there is none, or no git."""
    try:
        said = subprocess.run(
            ["git", "-C", str(file.parent), *words], capture_output=True, timeout=10, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return said.stdout.decode(errors="replace")


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"
