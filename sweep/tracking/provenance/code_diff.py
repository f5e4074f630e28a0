"""The changes of our code since its commit, as the record gets them: bounded, and without secrets."""

from __future__ import annotations

import subprocess
import threading
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from sweep.tracking.provenance.versions import commit, git
from trainables.schema.counted import counted
from trainables.schema.text.masking import LONGEST_SECRET
from trainables.schema.text.masking_source import masked_source

MAX_CHARS = 500_000  # characters
MAX_NAMED = 100  # files that git does not know
MAX_S = 10.0  # seconds that git may take
LARGE = "1m"  # a file from this size on is said to differ, without its lines
# Names of files that hold secrets, in small letters.
SECRET_FILES = (
    ".env", ".env.*", "*.env", "*.pem", "*.key", "*.p12", "*.pfx", "*.jks", "*.keystore", "*.kdbx",
    "id_rsa*", "id_dsa*", "id_ecdsa*", "id_ed25519*", ".netrc", ".pypirc", ".npmrc", ".htpasswd",
    ".git-credentials", ".pgpass", "credentials", "credentials.*", "*.tfvars", "secrets.*",
)  # fmt: skip


class CodeDiff(NamedTuple):
    """What the record gets of the changes of the code.

    text:  a patch; empty if there are no changes.
    about: what it is, in a few words; empty if it only names files that git does not know.
    """

    text: str
    about: str


def code_diff(file: Path = Path(__file__)) -> CodeDiff:
    """Return the changes of the work tree that a file is part of since the commit.

    Secrets in lines are masked. Files of SECRET_FILES are named, without their contents, and so are the
    first MAX_NAMED of those that git does not know. The patch is cut after MAX_CHARS characters.
    """
    if not commit(file):
        return CodeDiff("", "")
    changed = git(file, "diff", "HEAD", "--name-only", "--no-ext-diff").splitlines()
    unknown = git(file, "ls-files", "--others", "--exclude-standard", "--full-name", ":/")
    secret = [name for name in changed if _is_secret(name)]
    head = [f"# it may hold secrets, and is not shown: {name}" for name in secret]
    names = unknown.splitlines()
    head += [f"# not in the repository, and not shown: {name}" for name in names[:MAX_NAMED]]
    if len(names) > MAX_NAMED:
        head.append(f"# and {counted(len(names) - MAX_NAMED, 'more file', 'more files')}")
    others = [f":(top,exclude,glob,icase)**/{pattern}" for pattern in SECRET_FILES]
    patch, is_whole = "", True
    if len(secret) < len(changed):
        patch, is_whole = _start_of_patch(file, [":/", *others])
    text = masked_source("".join(f"{line}\n" for line in head) + patch)
    if not is_whole:
        # Half a secret at its end would not be known as one.
        text = text[:-LONGEST_SECRET]
    if len(text) > MAX_CHARS or not is_whole:
        text = f"{text[:MAX_CHARS]}\n# … cut\n"
    if not text:
        return CodeDiff("", "")
    if not changed:  # names alone of files that git does not know
        return CodeDiff(text, "")
    about = f"{counted(len(changed) - len(secret), 'changed file')}, {len(text) / 1000:.0f} kB"
    return CodeDiff(text, f"{about}; without {', '.join(secret[:3])}" if secret else about)


def _is_secret(name: str) -> bool:
    """Return whether a file's path, as git prints it, has a name of SECRET_FILES."""
    last = name.strip('"').rpartition("/")[2].lower()
    return any(fnmatchcase(last, pattern) for pattern in SECRET_FILES)


def _start_of_patch(file: Path, paths: list[str]) -> tuple[str, bool]:
    """Return the patch of these paths since the commit, and whether it is whole.

    It is not if it has more than 2 × MAX_CHARS bytes, or if git fails; git is ended after MAX_S.
    """
    words = ["git", "-C", str(file.parent), "-c", f"core.bigFileThreshold={LARGE}", "diff", "HEAD"]
    words += ["--no-ext-diff", "--no-textconv", "--no-color", "--", *paths]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        timer = threading.Timer(MAX_S, process.kill)
        timer.start()
        try:
            assert process.stdout is not None
            patch = process.stdout.read(2 * MAX_CHARS + 1)
            is_whole = len(patch) <= 2 * MAX_CHARS and process.wait() == 0
        finally:
            timer.cancel()
            process.kill()
    return patch[: 2 * MAX_CHARS].decode(errors="replace"), is_whole
